/*
 * The variadic functions of the interface, which Rust cannot define, and the way out of a kernel thread, which must skip whatever frames
 * the module has. Compiled against Linux's own headers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#define EXPORT __attribute__((visibility("default")))
#define TEXT_MAX 1024
#define NAME_MAX_ 20

void kpi_log_text(int level, const char *text, size_t len);
_Noreturn void kpi_panic_text(const char *text, size_t len);
int kpi_kthread_add(void (*fn)(void *), void *arg, void *proc, void **td, int flags, const char *name);
int kpi_kproc_create(void (*fn)(void *), void *arg, void **proc, int flags, const char *name);
int kpi_taskqueue_start(void **queue, int count, const char *name);

static size_t
format(char *text, size_t size, const char *fmt, va_list ap)
{
	int len = vsnprintf(text, size, fmt, ap);

	if (len < 0)
		return (0);
	return ((size_t)len < size ? (size_t)len : size - 1);
}

#define LOG_INFO 6

EXPORT int
kpi_vprintf(const char *fmt, va_list ap)
{
	char text[TEXT_MAX];
	size_t len = format(text, sizeof(text), fmt, ap);

	kpi_log_text(LOG_INFO, text, len);
	return ((int)len);
}

EXPORT int
kpi_printf(const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = kpi_vprintf(fmt, ap);
	va_end(ap);
	return (len);
}

EXPORT void
kpi_vlog(int level, const char *fmt, va_list ap)
{
	char text[TEXT_MAX];

	kpi_log_text(level, text, format(text, sizeof(text), fmt, ap));
}

EXPORT void
kpi_log(int level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	kpi_vlog(level, fmt, ap);
	va_end(ap);
}

EXPORT int
kpi_vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	return (vsnprintf(buf, size, fmt, ap));
}

EXPORT int
kpi_snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return (len);
}

EXPORT int
kpi_vsprintf(char *buf, const char *fmt, va_list ap)
{
	return (vsprintf(buf, fmt, ap));
}

EXPORT int
kpi_sprintf(char *buf, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsprintf(buf, fmt, ap);
	va_end(ap);
	return (len);
}

EXPORT _Noreturn void
panic(const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	kpi_panic_text(text, format(text, sizeof(text), fmt, ap));
}

EXPORT _Noreturn void
kassert_panic(const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	kpi_panic_text(text, format(text, sizeof(text), fmt, ap));
}

EXPORT int
kthread_add(void (*fn)(void *), void *arg, void *proc, void **td, int flags, int pages, const char *fmt, ...)
{
	char name[NAME_MAX_];
	va_list ap;

	(void)pages;
	va_start(ap, fmt);
	format(name, sizeof(name), fmt, ap);
	va_end(ap);
	return (kpi_kthread_add(fn, arg, proc, td, flags, name));
}

EXPORT int
kproc_create(void (*fn)(void *), void *arg, void **proc, int flags, int pages, const char *fmt, ...)
{
	char name[NAME_MAX_];
	va_list ap;

	(void)pages;
	va_start(ap, fmt);
	format(name, sizeof(name), fmt, ap);
	va_end(ap);
	return (kpi_kproc_create(fn, arg, proc, flags, name));
}

EXPORT int
taskqueue_start_threads(void **queue, int count, int pri, const char *fmt, ...)
{
	char name[NAME_MAX_];
	va_list ap;

	(void)pri;
	va_start(ap, fmt);
	format(name, sizeof(name), fmt, ap);
	va_end(ap);
	return (kpi_taskqueue_start(queue, count, name));
}

static _Thread_local jmp_buf way_out;

/* Runs fn(arg) until it calls kpi_thread_leave: 1. 0: it returned, which it must not. */
int
kpi_thread_run(void (*fn)(void *), void *arg)
{
	if (_setjmp(way_out) != 0)
		return (1);
	fn(arg);
	return (0);
}

_Noreturn void
kpi_thread_leave(void)
{
	_longjmp(way_out, 1);
}
