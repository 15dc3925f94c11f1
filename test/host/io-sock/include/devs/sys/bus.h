/* Hints (hint.<name>.<unit>.<key> in the kernel environment): the part of newbus that a module without a device uses. */
#ifndef _SYS_BUS_H_
#define _SYS_BUS_H_

/* 0 = found, else an errno. The string belongs to the kernel. */
int resource_int_value(const char *name, int unit, const char *resname, int *result);
int resource_long_value(const char *name, int unit, const char *resname, long *result);
int resource_string_value(const char *name, int unit, const char *resname, const char **result);

#endif
