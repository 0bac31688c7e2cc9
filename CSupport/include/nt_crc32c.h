/* CRC32C (Castagnoli, polynomial 0x1EDC6F41 reflected, RFC 3720 appendix B.4): SSE4.2 or ARMv8
 * instructions where the processor has them, a table elsewhere. */
#ifndef NT_CRC32C_H
#define NT_CRC32C_H

#include "nt_hot.h"

/* Continues from crc (0 to begin); the result is final, no inversion by the caller. */
NT_HOT uint32_t nt_crc32c(uint32_t crc, const void *bytes, size_t count);
/* "sse4.2", "armv8" or "table". */
const char *nt_crc32c_path(void);

#endif
