/* CRC32C (Castagnoli, polynomial 0x1EDC6F41 reflected, RFC 3720 appendix B.4): SSE4.2 or ARMv8
 * instructions where the processor has them, a table elsewhere.
 *
 * Threading: pure functions, but for nt_crc32c_use, which is for start-up and tests. */
#ifndef NT_CRC32C_H
#define NT_CRC32C_H

#include "nt_hot.h"

typedef enum nt_crc32c_route {
  NT_CRC32C_TABLE = 0,   /* slicing by eight */
  NT_CRC32C_HARDWARE = 1 /* the processor's instructions, three streams for longer inputs */
} nt_crc32c_route;

/* Continues from crc (0 to begin); the result is final, no inversion by the caller. */
NT_HOT uint32_t nt_crc32c(uint32_t crc, const void *bytes, size_t count);
/* "sse4.2", "armv8" or "table". */
const char *nt_crc32c_path(void);
/* Forces a route for all later calls; false when the processor does not have it. */
bool nt_crc32c_use(nt_crc32c_route route);
/* By one route, whatever is in use; a route that the processor does not have is the table. */
NT_HOT uint32_t nt_crc32c_by(nt_crc32c_route route, uint32_t crc, const void *bytes, size_t count);

#endif
