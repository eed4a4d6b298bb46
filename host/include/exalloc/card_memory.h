/* Zones in the card's own memory (HBM, DDR), for blocks that kernels on the card work on. Plain C.
 *
 * A segment made here goes to ExInitializeZone or ExExtendZone like any other; all calls on the zone work as ever, stream
 * ports too, as nothing of exalloc's lies in the blocks. Processors do not reach such memory: a block's address is a name,
 * whoever follows it gets SIGSEGV. What is to be in a block is copied there and back; a kernel finds it by the block's
 * token (exalloc_zone_segments) or by its device address. On the soft card plain memory stands in; the sim card has a model
 * of such memory, and copies take simulated time. */
#ifndef EXALLOC_CARD_MEMORY_H
#define EXALLOC_CARD_MEMORY_H

#include <stddef.h>

#include "exalloc/export.h"
#include "exalloc/wdm.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A segment of SegmentSize bytes, as ExInitializeZone counts them: 16 bytes of header, which stay in the host, then blocks, the
 * first at the beginning of a page. Bank: the card's memory, as the xclbin names it ("HBM[0]", "DDR[1]"); it must be the one that
 * the kernels are connected to. NULL: the first there is. The soft card takes any name. What is in the memory at
 * first is not said. NULL when there is no such bank or not so much of it (exalloc_last_error tells). Thread safe.
 *
 * XRT keeps a buffer of the same size in the host for what is copied. */
EXALLOC_API PVOID exalloc_card_segment_create(const char* Bank, ULONG SegmentSize);

/* Gives the memory back. Returns 0, or -1 when a zone still has blocks in it (exalloc_zone_delete first) or there is no such
 * segment. Thread safe. */
EXALLOC_API int exalloc_card_segment_delete(PVOID Segment);

/* Copies Bytes bytes from this process to the card, or from the card. The side on the card is a block or a part of one: it may not
 * leave its segment. Returns when the copy is complete: 0, or -1 (exalloc_last_error tells); of a card that is lost no byte can be
 * had any more. Thread safe; nobody else, kernels included, may write to those bytes meanwhile. */
EXALLOC_API int exalloc_card_write(PVOID To, const void* From, size_t Bytes);
EXALLOC_API int exalloc_card_read(void* To, const void* From, size_t Bytes);

#define EXALLOC_NO_DEVICE_ADDRESS UINT64_MAX

/* Where the card finds Bytes bytes of a segment on the card, of nonpaged pool, or, on the cards in this process, of any memory.
 * EXALLOC_NO_DEVICE_ADDRESS when it does not reach them, or not in one piece. Thread safe. */
EXALLOC_API uint64_t exalloc_device_address(const void* At, size_t Bytes);

#ifdef __cplusplus
}
#endif
#endif
