#include "nt_net_internal.h"

#include <errno.h>

int nt_net_fault(nt_net *net, uint32_t kind, uint64_t nth, uint64_t repeat, int32_t error,
                 uint32_t limit) {
  if (kind >= NT_NET_FAULT_KINDS)
    return EINVAL;
  nt_net_fault_state *fault = &net->faults[kind];
  fault->first = nth == 0 ? 0 : fault->operations + nth;
  fault->repeat = repeat == 0 ? 1 : repeat;
  fault->error = error;
  fault->limit = limit;
  return 0;
}

uint64_t nt_net_operations(const nt_net *net, uint32_t kind) {
  return kind < NT_NET_FAULT_KINDS ? net->faults[kind].operations : 0;
}

int nt_fault_next(nt_net *net, uint32_t kind, uint32_t *limit) {
  nt_net_fault_state *fault = &net->faults[kind];
  fault->operations += 1;
  if (__builtin_expect(fault->first == 0, 1) || fault->operations < fault->first ||
      fault->operations - fault->first >= fault->repeat)
    return 0;
  net->counters.faults += 1;
  if (fault->error == 0 && limit && *limit > fault->limit && fault->limit > 0)
    *limit = fault->limit;
  return fault->error;
}
