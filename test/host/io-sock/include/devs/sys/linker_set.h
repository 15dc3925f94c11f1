/*
 * Linker sets: an output section set_<name> of pointers, found by its bounds __start_set_<name> and __stop_set_<name>.
 *
 * Every object that adds an entry names the bounds (as a global symbol in 13, as a weak one in 14), so that the linker makes and
 * exports them; without bounds the set is taken as absent, silently. The pointers are not const: the loader sorts some sets in place.
 */
#ifndef _SYS_LINKER_SET_H_
#define _SYS_LINKER_SET_H_

#include <sys/cdefs.h>
#include <sys/_base.h>

#define __MAKE_SET(set, sym) \
	__SET_BOUND(__CONCAT(__start_set_, set)); \
	__SET_BOUND(__CONCAT(__stop_set_, set)); \
	static void const *__set_##set##_sym_##sym __section("set_" #set) __nosymoverlap __used __retain = &(sym)

#define TEXT_SET(set, sym) __MAKE_SET(set, sym)
#define DATA_SET(set, sym) __MAKE_SET(set, sym)
#define BSS_SET(set, sym) __MAKE_SET(set, sym)
#define ABS_SET(set, sym) __MAKE_SET(set, sym)
#define SET_ENTRY(set, sym) __MAKE_SET(set, sym)

#define SET_DECLARE(set, ptype) \
	extern ptype __weak_symbol *__CONCAT(__start_set_, set); \
	extern ptype __weak_symbol *__CONCAT(__stop_set_, set)
#define SET_BEGIN(set) (&__CONCAT(__start_set_, set))
#define SET_LIMIT(set) (&__CONCAT(__stop_set_, set))
#define SET_FOREACH(pvar, set) for (pvar = SET_BEGIN(set); pvar < SET_LIMIT(set); pvar++)
#define SET_ITEM(set, i) ((SET_BEGIN(set))[i])
#define SET_COUNT(set) (SET_LIMIT(set) - SET_BEGIN(set))

#endif
