/* Operations on a word that threads, or processes in shared memory, share. The _value forms return what was there before. */
#ifndef QNX_HOST_ATOMIC_H
#define QNX_HOST_ATOMIC_H

static inline void atomic_add(volatile unsigned *word, unsigned n) { __atomic_fetch_add(word, n, __ATOMIC_SEQ_CST); }
static inline void atomic_sub(volatile unsigned *word, unsigned n) { __atomic_fetch_sub(word, n, __ATOMIC_SEQ_CST); }
static inline void atomic_set(volatile unsigned *word, unsigned bits) { __atomic_fetch_or(word, bits, __ATOMIC_SEQ_CST); }
static inline void atomic_clr(volatile unsigned *word, unsigned bits) { __atomic_fetch_and(word, ~bits, __ATOMIC_SEQ_CST); }
static inline void atomic_toggle(volatile unsigned *word, unsigned bits) { __atomic_fetch_xor(word, bits, __ATOMIC_SEQ_CST); }
static inline unsigned atomic_add_value(volatile unsigned *word, unsigned n) {
    return __atomic_fetch_add(word, n, __ATOMIC_SEQ_CST);
}
static inline unsigned atomic_sub_value(volatile unsigned *word, unsigned n) {
    return __atomic_fetch_sub(word, n, __ATOMIC_SEQ_CST);
}
static inline unsigned atomic_set_value(volatile unsigned *word, unsigned bits) {
    return __atomic_fetch_or(word, bits, __ATOMIC_SEQ_CST);
}
static inline unsigned atomic_clr_value(volatile unsigned *word, unsigned bits) {
    return __atomic_fetch_and(word, ~bits, __ATOMIC_SEQ_CST);
}
static inline unsigned atomic_toggle_value(volatile unsigned *word, unsigned bits) {
    return __atomic_fetch_xor(word, bits, __ATOMIC_SEQ_CST);
}

#endif
