/*
 * How the declarations of this header set are written. Part of csock; written from published facts, no QNX file was copied.
 *
 * Comments name the source of a fact by the tags of docs/qnx-ipc.md 0, such as [D71 H]. A tag at the top of a group covers
 * the group.
 */
#ifndef QNX_DECL_H
#define QNX_DECL_H

#ifdef __cplusplus
#define QNX_BEGIN_DECLS extern "C" {
#define QNX_END_DECLS }
#else
#define QNX_BEGIN_DECLS
#define QNX_END_DECLS
#endif

/*
 * QNX_LIBC_NAME(f) follows the declaration of every function that Linux's libc has too and means otherwise. On Linux it sends the call to the
 * stand-in's symbol qnx_<f>, since numbers and errno differ; on QNX it says nothing. bindgen reads the same labels, so this is
 * the only list of clashing names.
 */
#if defined(__linux__) || defined(QNX_ON_LINUX)
#define QNX_LIBC_NAME(f) __asm__("qnx_" #f)
#else
#define QNX_LIBC_NAME(f)
#endif

#endif
