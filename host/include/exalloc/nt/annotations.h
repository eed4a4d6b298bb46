/* Words of old driver sources that mean nothing to the compiler. Part of exalloc/wdm.h; exalloc's
 * other headers do without. */
#ifndef EXALLOC_NT_ANNOTATIONS_H
#define EXALLOC_NT_ANNOTATIONS_H

#ifndef IN
#define IN
#endif
#ifndef OUT
#define OUT
#endif
#ifndef OPTIONAL
#define OPTIONAL
#endif
#ifndef NOTHING
#define NOTHING
#endif
#ifndef CONST
#define CONST const
#endif

#endif
