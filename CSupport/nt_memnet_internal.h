/* What the files of nt_memnet share, and what nt_net_memory.c calls. */
#ifndef NT_MEMNET_INTERNAL_H
#define NT_MEMNET_INTERNAL_H

#include "nt_memnet.h"
#include "nt_net.h"

#include <sys/types.h>

#define NT_MEM_NIL UINT32_MAX
#define NT_MEM_GROUPS_MAX 8
#define NT_MEM_CLASSES 11 /* payloads of 64 to 65,536 bytes */
#define NT_MEM_PORTS 1024 /* chains of bound sockets */
#define NT_MEM_SYN_TRIES 6

enum {
  NT_MEM_FREE,
  NT_MEM_CLOSED, /* open, neither bound nor connected */
  NT_MEM_DATAGRAM,
  NT_MEM_LISTENER,
  NT_MEM_CONNECTING,
  NT_MEM_CONNECTED,
};

enum {
  NT_MEM_IS_STREAM = 1,
  NT_MEM_IS_BOUND = 2,
  NT_MEM_IN_READY = 4,
  NT_MEM_END_CAME = 8,    /* the peer's FIN lies behind the last packet */
  NT_MEM_END_SENT = 16,   /* ours has gone */
  NT_MEM_READ_SHUT = 32,  /* by shutdown here */
  NT_MEM_WAS_FULL = 64,   /* a send found no window: to be told when there is some */
  NT_MEM_WRITABLE = 128,  /* ready for that */
  NT_MEM_HALF_OPEN = 256, /* nothing arrives any more, either way */
  NT_MEM_ABORTS = 512,    /* closing sends a reset */
  NT_MEM_REUSES = 1024,   /* the address may be shared */
};

enum {
  NT_MEM_MESSAGE, /* a datagram */
  NT_MEM_DATA,    /* the rest belong to streams */
  NT_MEM_SYN,
  NT_MEM_SYN_ACK,
  NT_MEM_FIN,
  NT_MEM_RST,
};

typedef struct nt_mem_packet {
  int64_t arrival;
  uint64_t payload; /* offset in the arena */
  uint32_t length, taken;
  uint32_t next; /* in a socket's queue, or among the free */
  uint32_t to, to_generation;
  uint32_t from, from_generation;
  nt_net_endpoint source, target;  /* datagrams */
  uint16_t host;                   /* the sender's */
  uint8_t kind, size_class, tries; /* NT_MEM_CLASSES: no payload */
} nt_mem_packet;

typedef struct nt_mem_socket {
  uint8_t state;
  uint8_t group_count;
  uint16_t flags;
  uint32_t generation;
  uint32_t host;
  uint32_t peer, peer_generation;
  nt_net_endpoint local, remote;
  uint16_t service;     /* streams: the port that listened */
  int32_t error;        /* to be met by the next call */
  uint64_t user;        /* the nt_conn's id */
  uint32_t first, last; /* unread packets; of a listener the connections not yet accepted */
  uint32_t unread;      /* bytes of them, or how many */
  uint32_t underway;    /* bytes that the peer has not read */
  uint32_t receive_bytes, send_bytes, backlog;
  int64_t last_arrival; /* a stream's packets do not overtake each other */
  uint32_t port_next, ready_next, accept_next;
  uint32_t groups[NT_MEM_GROUPS_MAX];
} nt_mem_socket;

typedef struct nt_mem_link {
  nt_memnet_link rules;
  uint64_t random;
  int64_t busy_until;
  int64_t last_arrival; /* nor do datagrams, but for those that are to come late */
} nt_mem_link;

/* What is under way. Datagrams that arrive in the order of sending, nearly all of them, wait in a
 * line; the rest in a heap. */
typedef struct nt_mem_underway {
  int64_t arrival;
  uint64_t order; /* datagrams first, then as sent */
  uint32_t packet;
} nt_mem_underway;

typedef struct nt_mem_host {
  uint32_t first, last; /* sockets with something to say */
  bool is_there;
} nt_mem_host;

struct nt_memnet {
  int64_t now; /* first: nt_net_now reads it */
  nt_memnet_options options;
  nt_mem_socket *sockets;
  nt_mem_packet *packets;
  nt_mem_underway *heap, *line;
  uint8_t *arena;
  uint64_t arena_used;
  uint64_t free_payloads[NT_MEM_CLASSES]; /* offset + 1; the next lies in the block */
  uint32_t free_socket, free_packet, fresh_socket, fresh_packet, used_packets, heap_count;
  uint32_t line_first, line_count;
  uint32_t ports[NT_MEM_PORTS];
  uint32_t link_count;
  uint16_t next_port;
  bool starves; /* a stream found no room for a packet */
  uint64_t order;
  nt_mem_host hosts[NT_MEMNET_HOSTS_MAX + 1];
  nt_mem_link links[NT_MEMNET_LINKS_MAX];
  nt_memnet_counters counters;
  uint64_t memory_bytes;
};

static inline nt_mem_socket *nt_mem_socket_at(const nt_memnet *m, int fd) {
  if (fd < 0 || (uint32_t)fd >= m->options.sockets || m->sockets[fd].state == NT_MEM_FREE)
    return NULL;
  return &m->sockets[fd];
}

static inline uint32_t nt_mem_index(const nt_memnet *m, const nt_mem_socket *s) {
  return (uint32_t)(s - m->sockets);
}

/* The socket of an index while it is that generation's, or NULL. */
static inline nt_mem_socket *nt_mem_alive(const nt_memnet *m, uint32_t index, uint32_t generation) {
  if (index == NT_MEM_NIL || m->sockets[index].generation != generation ||
      m->sockets[index].state == NT_MEM_FREE)
    return NULL;
  return &m->sockets[index];
}

/* nt_memnet_packet.c: payloads, and what is under way. */
/* A packet with room for `length` bytes, or NULL: counted. */
nt_mem_packet *nt_mem_packet_take(nt_memnet *m, uint32_t length);
/* All that there are: a connection is opened and ended however full the network is. */
static inline uint32_t nt_mem_packets(const nt_memnet_options *o) {
  return o->packets + 2 * o->sockets;
}
/* A packet without bytes; NULL, counted, where those that are kept for it are under way too. */
nt_mem_packet *nt_mem_signal_take(nt_memnet *m);
void nt_mem_packet_free(nt_memnet *m, nt_mem_packet *packet);
static inline uint8_t *nt_mem_payload(const nt_memnet *m, const nt_mem_packet *packet) {
  return m->arena + packet->payload;
}
void nt_mem_launch(nt_memnet *m, nt_mem_packet *packet, int64_t arrival);
/* The next one to arrive, or NULL. */
const nt_mem_underway *nt_mem_soonest(const nt_memnet *m);
/* The next whose arrival is not after `until`, taken out; or NULL. */
nt_mem_packet *nt_mem_land(nt_memnet *m, int64_t until);

/* nt_memnet_link.c: what becomes of a packet. */
nt_mem_link *nt_mem_link_of(nt_memnet *m, uint32_t from, uint32_t to, uint16_t port,
                            uint16_t transport);
bool nt_mem_chance(nt_mem_link *link, uint32_t parts);
uint64_t nt_mem_below(nt_mem_link *link, uint64_t bound);
/* When a datagram arrives; -1: it is lost. */
int64_t nt_mem_datagram_arrival(nt_memnet *m, nt_mem_link *link, uint32_t length);
/* `from` may be NULL: nothing of that stream comes before. */
int64_t nt_mem_stream_arrival(nt_memnet *m, nt_mem_link *link, nt_mem_socket *from,
                              uint32_t length);
/* The same for the first packet of a stream, which a cut loses and its sender tries again. */
int64_t nt_mem_first_arrival(nt_memnet *m, nt_mem_link *link, nt_mem_socket *from);

/* nt_memnet_socket.c: the table of sockets. */
nt_mem_socket *nt_mem_socket_take(nt_memnet *m, uint32_t host, bool stream);
void nt_mem_socket_free(nt_memnet *m, nt_mem_socket *s);
void nt_mem_ready(nt_memnet *m, nt_mem_socket *s);
int nt_mem_bind(nt_memnet *m, nt_mem_socket *s, nt_net_endpoint at);
/* The socket that listens at an endpoint, or NULL. */
nt_mem_socket *nt_mem_listener(const nt_memnet *m, nt_net_endpoint at);
void nt_mem_queue(nt_memnet *m, nt_mem_socket *s, nt_mem_packet *packet);

/* nt_memnet_arrive.c */
void nt_mem_arrive(nt_memnet *m, nt_mem_packet *packet);
/* A packet of a stream that carries no bytes; false where there is none, or nothing passes. */
bool nt_mem_signal(nt_memnet *m, nt_mem_socket *from, uint8_t kind);
/* The connection is over: its owner meets the errno. */
void nt_mem_fail(nt_memnet *m, nt_mem_socket *s, int error);

/* nt_memnet_call.c: as the system calls of these names; a negative result is an errno. */
int nt_memnet_attach(nt_memnet *m);
void nt_memnet_detach(nt_memnet *m, uint32_t host);
int nt_memnet_open(nt_memnet *m, uint32_t host, bool stream);
void nt_memnet_close(nt_memnet *m, int fd);
int nt_memnet_setsockopt(nt_memnet *m, int fd, int level, int name, const void *value,
                         uint32_t bytes);
int nt_memnet_bind(nt_memnet *m, int fd, nt_net_endpoint at);
int nt_memnet_listen(nt_memnet *m, int fd, int backlog);
int nt_memnet_connect(nt_memnet *m, int fd, nt_net_endpoint to);
int nt_memnet_accept(nt_memnet *m, int fd, nt_net_endpoint *peer);
int nt_memnet_name(nt_memnet *m, int fd, bool peer, nt_net_endpoint *out);
int nt_memnet_error(nt_memnet *m, int fd);
int nt_memnet_shutdown(nt_memnet *m, int fd, int how);
ssize_t nt_memnet_send(nt_memnet *m, int fd, const void *bytes, size_t count);
int nt_memnet_send_to(nt_memnet *m, int fd, nt_net_endpoint to, const void *bytes, size_t count);
ssize_t nt_memnet_receive(nt_memnet *m, int fd, void *into, size_t count, nt_net_endpoint *source,
                          int64_t *arrival);
void nt_memnet_user(nt_memnet *m, int fd, uint64_t user);

/* What may be done with a socket now. */
enum { NT_MEM_CAN_READ = 1, NT_MEM_CAN_WRITE = 2, NT_MEM_CAN_ACCEPT = 4, NT_MEM_HAS_FAILED = 8 };
/* A send would take something: only for want of packets may it still take nothing. */
bool nt_memnet_has_window(const nt_memnet *m, int fd);
uint32_t nt_memnet_readiness(const nt_memnet *m, int fd);
/* The next socket of the host with something to say, taken off its list, and whose it is; -1 when
 * there is none. */
int nt_memnet_take_ready(nt_memnet *m, uint32_t host, uint64_t *user);
/* Back on the list, behind the others. */
void nt_memnet_put_ready(nt_memnet *m, int fd);
static inline bool nt_memnet_has_ready(const nt_memnet *m, uint32_t host) {
  return m->hosts[host].first != NT_MEM_NIL;
}

#endif
