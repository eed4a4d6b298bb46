/* Basic types, status values and list entries. Part of exalloc/wdm.h. */
#ifndef EXALLOC_NT_TYPES_H
#define EXALLOC_NT_TYPES_H

#include <stddef.h>
#include <stdint.h>

typedef void VOID;
typedef void* PVOID;
typedef unsigned char UCHAR;
typedef UCHAR BOOLEAN, *PBOOLEAN;
typedef uint16_t USHORT;
typedef int32_t LONG;
typedef uint64_t ULONGLONG;
typedef uint32_t ULONG, *PULONG;
typedef uintptr_t ULONG_PTR;
typedef size_t SIZE_T;
typedef LONG NTSTATUS;

#ifndef TRUE
#define TRUE 1
#define FALSE 0
#endif

#define NT_SUCCESS(Status) (((NTSTATUS)(Status)) >= 0)
#define STATUS_SUCCESS ((NTSTATUS)0x00000000L)
#define STATUS_UNSUCCESSFUL ((NTSTATUS)0xC0000001L)
#define STATUS_INSUFFICIENT_RESOURCES ((NTSTATUS)0xC000009AL)

typedef struct _SINGLE_LIST_ENTRY {
  struct _SINGLE_LIST_ENTRY* Next;
} SINGLE_LIST_ENTRY, *PSINGLE_LIST_ENTRY;

typedef struct _LIST_ENTRY {
  struct _LIST_ENTRY* Flink;
  struct _LIST_ENTRY* Blink;
} LIST_ENTRY, *PLIST_ENTRY;
#endif
