/* What the library exports; everything else in it is hidden. */
#ifndef EXALLOC_EXPORT_H
#define EXALLOC_EXPORT_H
#define EXALLOC_API __attribute__((visibility("default")))
#endif
