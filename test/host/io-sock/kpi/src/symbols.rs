//! What a module can import, under the names that it imports.

use crate::{
    callout, eventhandler, libkern, lock, malloc, mbuf, sleep, socket, taskqueue, thread, time, uma,
};

/// One symbol.
#[derive(Clone, Copy, Debug)]
pub struct Symbol {
    /// As the module imports it.
    pub name: &'static str,
    /// Function or data.
    pub address: *const (),
}

// SAFETY: an address of something static.
unsafe impl Send for Symbol {}
// SAFETY: as above.
unsafe impl Sync for Symbol {}

/// Defined in `c/variadic.c`; the declarations here are for the addresses only.
mod c {
    unsafe extern "C" {
        pub fn kpi_printf();
        pub fn kpi_vprintf();
        pub fn kpi_log();
        pub fn kpi_vlog();
        pub fn kpi_snprintf();
        pub fn kpi_vsnprintf();
        pub fn kpi_sprintf();
        pub fn kpi_vsprintf();
        pub fn panic();
        pub fn kassert_panic();
        pub fn kthread_add();
        pub fn kproc_create();
        pub fn taskqueue_start_threads();
    }
}

macro_rules! functions {
    ($out:ident; $($module:ident: $($name:ident)*;)*) => {
        $($($out.push(Symbol { name: stringify!($name), address: $module::$name as *const () });)*)*
    };
}

macro_rules! data {
    ($out:ident; $($module:ident: $($name:ident)*;)*) => {
        $($($out.push(Symbol { name: stringify!($name), address: (&raw const $module::$name).cast() });)*)*
    };
}

macro_rules! renamed {
    ($out:ident; $($name:literal $path:path;)*) => {
        $($out.push(Symbol { name: $name, address: $path as *const () });)*
    };
}

/// All symbols. Names that libc has too (`malloc`, `printf`, ...) are here under both names: the kernel's,
/// for modules that only the loader binds, and with `kpi_` in front, for those built for Linux. The kernel
/// environment, sysctl and module registration are the host's.
pub fn symbols() -> Vec<Symbol> {
    crate::init();
    let mut all = Vec::with_capacity(256);
    socket_symbols(&mut all);
    mbuf_symbols(&mut all);
    thread_symbols(&mut all);
    memory_symbols(&mut all);
    libkern_symbols(&mut all);
    all
}

fn socket_symbols(all: &mut Vec<Symbol>) {
    functions! { all;
        socket: socreate sobind solisten soconnect soaccept solisten_dequeue sosend soreceive soshutdown sodisconnect soclose soabort
            sofree sorele_locked so_setsockopt sosetopt sogetopt sooptcopyin sooptcopyout soreserve sopoll soupcall_set soupcall_clear solisten_upcall_set;
    }
}

fn mbuf_symbols(all: &mut Vec<Symbol>) {
    functions! { all;
        mbuf: m_extadd mb_dupcl mb_free_ext m_freem m_clget m_cljget m_getjcl m_get2 m_getm2 m_copym m_copypacket m_dup m_copydata
            m_copyback m_append m_cat m_catpkt m_adj m_pullup m_prepend m_split m_defrag m_collapse m_unshare m_getptr m_demote
            m_demote_pkthdr m_move_pkthdr m_dup_pkthdr m_pkthdr_init m_length m_fixhdr m_apply m_sanity m_uiotombuf m_mbuftouio
            m_tag_alloc m_tag_delete m_tag_delete_chain m_tag_free_default m_tag_locate m_tag_copy_chain uiomove;
        uma: uma_zalloc_arg uma_zfree_arg uma_zone_set_max uma_zone_get_max uma_zone_get_cur;
    }
    data! { all;
        uma: zone_mbuf zone_clust zone_pack zone_jumbop zone_jumbo9 zone_jumbo16;
        mbuf: max_linkhdr max_protohdr max_hdr max_datalen nmbclusters nmbufs;
    }
}

fn thread_symbols(all: &mut Vec<Symbol>) {
    functions! { all;
        thread: __curthread kthread_exit kthread_start kproc_start qnx_pthread_join crget crhold crfree crdup priv_check priv_check_cred;
        c: kthread_add kproc_create taskqueue_start_threads panic kassert_panic;
        lock: _mtx_init _mtx_destroy mtx_sysinit __mtx_lock_flags __mtx_unlock_flags _mtx_trylock_flags_ __mtx_lock_spin_flags
            __mtx_trylock_spin_flags __mtx_unlock_spin_flags __mtx_assert sx_init_flags sx_destroy sx_sysinit _sx_slock _sx_xlock
            sx_try_slock_ sx_try_xlock_ _sx_sunlock _sx_xunlock sx_downgrade_ sx_try_upgrade_ _sx_assert;
        sleep: _sleep pause_sbt wakeup_one wakeup_any;
        eventhandler: eventhandler_register eventhandler_deregister_name;
        callout: callout_init _callout_init_lock callout_reset_sbt_on callout_schedule _callout_stop_safe;
        taskqueue: taskqueue_create taskqueue_enqueue taskqueue_cancel taskqueue_drain taskqueue_drain_all taskqueue_free
            taskqueue_thread_enqueue;
        time: microuptime getmicrouptime nanouptime getnanouptime microtime getmicrotime nanotime getnanotime sbinuptime getsbinuptime
            tvtohz ratecheck ppsratecheck DELAY;
    }
    renamed! { all;
        "wakeup" sleep::kpi_wakeup;
        "pthread_join" thread::qnx_pthread_join;
        "kproc_exit" thread::kthread_exit;
    }
    data! { all;
        thread: proc0 thread0;
        lock: Giant;
        taskqueue: taskqueue_thread;
        time: hz tick tick_sbt ticks cold bootverbose;
    }
}

fn memory_symbols(all: &mut Vec<Symbol>) {
    functions! { all; malloc: malloc_init malloc_uninit mallocarray zfree; }
    data! { all; malloc: M_CACHE M_DEVBUF M_TEMP M_PCB M_SONAME M_IOV panicstr; }
    renamed! { all;
        "malloc" malloc::kpi_malloc;
        "kpi_malloc" malloc::kpi_malloc;
        "free" malloc::kpi_free;
        "kpi_free" malloc::kpi_free;
        "realloc" malloc::kpi_realloc;
        "kpi_realloc" malloc::kpi_realloc;
        "reallocf" malloc::kpi_reallocf;
        "kpi_reallocf" malloc::kpi_reallocf;
        "strdup" malloc::kpi_strdup;
        "kpi_strdup" malloc::kpi_strdup;
        "printf" c::kpi_printf;
        "kpi_printf" c::kpi_printf;
        "uprintf" c::kpi_printf;
        "vprintf" c::kpi_vprintf;
        "kpi_vprintf" c::kpi_vprintf;
        "log" c::kpi_log;
        "kpi_log" c::kpi_log;
        "vlog" c::kpi_vlog;
        "kpi_vlog" c::kpi_vlog;
        "snprintf" c::kpi_snprintf;
        "kpi_snprintf" c::kpi_snprintf;
        "vsnprintf" c::kpi_vsnprintf;
        "kpi_vsnprintf" c::kpi_vsnprintf;
        "sprintf" c::kpi_sprintf;
        "kpi_sprintf" c::kpi_sprintf;
        "vsprintf" c::kpi_vsprintf;
        "kpi_vsprintf" c::kpi_vsprintf;
    }
}

/// The same in the kernel and in libc, but for those that glibc lacks.
fn libkern_symbols(all: &mut Vec<Symbol>) {
    use libc as l;
    functions! { all;
        l: memcpy memmove memset memcmp memchr strlen strnlen strcmp strncmp strcasecmp strchr strrchr strstr strcpy strncpy strtoul
            strtol;
        libkern: strlcpy strlcat arc4random arc4random_buf copyin copyout copyinstr;
    }
}
