/* Sharing a zone with a kernel on the card: stream ports, and where the blocks of a zone lie. Plain C.
 *
 * A kernel pops tokens of free blocks from its stream port and pushes tokens of blocks it frees; the host allocates and
 * frees blocks of the same zone with the Ex* calls. A block may be allocated on one side and freed on the other. Whoever
 * hands a block over tells the other side its token or its address; exalloc/kernel.hpp has what the kernel needs. */
#ifndef EXALLOC_STREAM_H
#define EXALLOC_STREAM_H

#include "exalloc/export.h"
#include "exalloc/wdm.h"

#ifdef __cplusplus
extern "C" {
#endif

#define EXALLOC_STREAM_POP 1u  /* the kernel allocates */
#define EXALLOC_STREAM_PUSH 2u /* the kernel frees */

/* Stream ports of the card in use; 0 when it has none or cannot be opened (exalloc_last_error tells). Thread safe. */
EXALLOC_API unsigned exalloc_stream_ports(void);

/* Lets the kernel at a stream port share a zone, from now on. Directions: EXALLOC_STREAM_POP, EXALLOC_STREAM_PUSH or both.
 * Returns 0, or -1 when there is no such port or zone, or the zone is kept in the host (exalloc_last_error tells). Thread safe;
 * other threads may go on using the zone.
 *
 * Once a zone is shared, a free of a block that no thread of this process allocated is passed on to the card, which
 * refuses it if the block is free (error "double_free"); it takes a round trip. */
EXALLOC_API int exalloc_stream_attach(unsigned Port, PZONE_HEADER Zone, unsigned Directions);

/* Ends the sharing: returns when the port has given back what it holds, the token that it offers the kernel included, and
 * executed what was pushed into it. Tokens the kernel has taken are the kernel's. To be called before exalloc_zone_delete.
 * Returns 0, or -1. */
EXALLOC_API int exalloc_stream_detach(unsigned Port);

/* Blocks in quarantine: when the card is lost, nobody knows which blocks of a shared zone its kernels hold and which were free
 * in the card, so none of them is handed out again. Writes the addresses of at most Capacity of them, lowest first in each
 * segment, and returns how many there are; 0 while the card is not lost. ExFreeToZone takes a block out of quarantine and makes
 * it free: for a block that a kernel had handed over, or once it is sure that no kernel writes any more. Thread safe. */
EXALLOC_API unsigned exalloc_quarantined(PZONE_HEADER Zone, PVOID* Blocks, unsigned Capacity);

/* A run of consecutive blocks: block i has token first_token + i and lies block_size * i bytes behind device_address. */
typedef struct exalloc_segment {
  uint64_t device_address; /* of the first block, as the card reaches it; UINT64_MAX if it does not: through XRT, memory that is
                              neither nonpaged pool nor on the card (exalloc/card_memory.h) */
  uint32_t first_token;
  uint32_t blocks;
  uint32_t block_size; /* bytes */
  uint32_t reserved;
} exalloc_segment;

/* The zone's segments, the initial one first; writes at most Capacity of them and returns how many there are. What a kernel
 * must be given to find blocks. Thread safe; ExExtendZone adds segments. */
EXALLOC_API unsigned exalloc_zone_segments(PZONE_HEADER Zone, exalloc_segment* Segments, unsigned Capacity);

/* The token of a block of the zone, 0 if no block begins there. Thread safe. */
EXALLOC_API uint32_t exalloc_token(PZONE_HEADER Zone, PVOID Block);
/* The block with that token, NULL if the zone has none. Thread safe. */
EXALLOC_API PVOID exalloc_block(PZONE_HEADER Zone, uint32_t Token);

#ifdef __cplusplus
}
#endif
#endif
