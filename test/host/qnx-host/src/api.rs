//! The exported C functions, grouped as in QNX's documentation. Each is a thin shell: it turns pointers into slices,
//! calls the module that does the work, and encodes the result in the way that function has.

pub mod ability;
pub mod cancel;
pub mod channel;
pub mod connect;
pub mod dispatch;
pub mod event;
pub mod file;
pub mod guard;
pub mod iofunc;
pub mod iofunc_open;
pub mod memory;
pub mod message;
pub mod misc;
pub mod name;
pub mod pathmgr;
pub mod resmgr;
pub mod time;

use core::ffi::{CStr, c_char};

use crate::errno::Errno;

/// Address of an exported function, for the symbol table of an ELF loader.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct Address(pub *const ());

// SAFETY: the address of code, which never changes.
unsafe impl Sync for Address {}
// SAFETY: as above.
unsafe impl Send for Address {}

/// Defines exported functions and a table of them.
///
/// `fn [plain names] [_r names] (arguments) -> type = convention { body }`, where the body is a
/// `Result<type, Errno>` and the convention says what the `_r` names return on failure: `negative` or `positive` error
/// number. Plain names return -1 and set errno. `["qnx name"] fn name` exports one plain function under a Linux-safe
/// name and lists it under QNX's.
///
/// Linux's errno of the calling thread is left alone. Libc's cancellation points are held off, except after
/// `calls! { fast SYMBOLS; ...`, whose bodies must do so themselves where they call one.
macro_rules! calls {
    (fast $table:ident; $($items:tt)*) => {
        crate::api::calls! { @items fast [] $table; $($items)* }
    };
    ($table:ident; $($items:tt)*) => {
        crate::api::calls! { @items slow [] $table; $($items)* }
    };
    (@items $speed:ident [$($listed:tt)*] $table:ident;) => {
        /// The functions above under QNX's names.
        pub static $table: &[(&str, crate::api::Address)] = &[$($listed)*];
    };
    (@items $speed:ident [$($listed:tt)*] $table:ident;
        $(#[$meta:meta])*
        [$qnx:literal] fn $name:ident($($arg:ident: $type:ty),* $(,)?) -> $ret:ty = errno $body:block
        $($rest:tt)*
    ) => {
        crate::api::calls! { @plain $speed [$(#[$meta])*] $name ($($arg: $type),*) $ret, $body }
        crate::api::calls! { @items $speed [
            $($listed)* ($qnx, crate::api::Address($name as *const ())),
        ] $table; $($rest)* }
    };
    (@items $speed:ident [$($listed:tt)*] $table:ident;
        $(#[$meta:meta])*
        [$qnx:literal] fn $name:ident($($arg:ident: $type:ty),* $(,)?) -> $ret:ty = value $body:block
        $($rest:tt)*
    ) => {
        crate::api::calls! { @raw [$(#[$meta])*] $name ($($arg: $type),*) $ret, {
            let guard = crate::api::guard::Guard::enter_counting();
            let result: $ret = crate::api::calls! { @run $speed $ret, $body };
            guard.settle();
            result
        } }
        crate::api::calls! { @items $speed [
            $($listed)* ($qnx, crate::api::Address($name as *const ())),
        ] $table; $($rest)* }
    };
    (@items $speed:ident [$($listed:tt)*] $table:ident;
        $(#[$meta:meta])*
        fn [$($name:ident),*] [$($name_r:ident),*] $args:tt -> $ret:ty = $convention:ident $body:block
        $($rest:tt)*
    ) => {
        crate::api::calls! { @each_plain $speed [$(#[$meta])*] [$($name),*] $args $ret, $body }
        crate::api::calls! { @each_r $speed [$(#[$meta])*] [$($name_r),*] $convention $args $ret, $body }
        crate::api::calls! { @items $speed [
            $($listed)*
            $((stringify!($name), crate::api::Address($name as *const ())),)*
            $((stringify!($name_r), crate::api::Address($name_r as *const ())),)*
        ] $table; $($rest)* }
    };
    (@each_plain $speed:ident $meta:tt [] $args:tt $ret:ty, $body:block) => {};
    (@each_plain $speed:ident $meta:tt [$name:ident $(, $more:ident)*] $args:tt $ret:ty, $body:block) => {
        crate::api::calls! { @plain $speed $meta $name $args $ret, $body }
        crate::api::calls! { @each_plain $speed $meta [$($more),*] $args $ret, $body }
    };
    (@each_r $speed:ident $meta:tt [] $convention:ident $args:tt $ret:ty, $body:block) => {};
    (@each_r $speed:ident $meta:tt [$name:ident $(, $more:ident)*] $convention:ident $args:tt $ret:ty, $body:block) => {
        crate::api::calls! { @$convention $speed $meta $name $args $ret, $body }
        crate::api::calls! { @each_r $speed $meta [$($more),*] $convention $args $ret, $body }
    };
    (@plain $speed:ident [$(#[$meta:meta])*] $name:ident ($($arg:ident: $type:ty),* $(,)?) $ret:ty, $body:block) => {
        crate::api::calls! { @raw [
            $(#[$meta])*
            #[doc = "\n-1 and errno on failure."]
        ] $name ($($arg: $type),*) $ret, {
            let guard = crate::api::guard::Guard::enter();
            match crate::api::calls! { @run $speed Result<$ret, crate::errno::Errno>, $body } {
                Ok(value) => {
                    guard.leave();
                    value
                }
                Err(error) => {
                    guard.fail(error);
                    usize::MAX as _
                }
            }
        } }
    };
    (@negative $speed:ident [$(#[$meta:meta])*] $name:ident ($($arg:ident: $type:ty),* $(,)?) $ret:ty, $body:block) => {
        crate::api::calls! { @raw [
            $(#[$meta])*
            #[doc = "\nThe negative error number on failure; errno is not touched."]
        ] $name ($($arg: $type),*) $ret, {
            let guard = crate::api::guard::Guard::enter();
            let result = crate::api::calls! { @run $speed Result<$ret, crate::errno::Errno>, $body };
            guard.leave();
            match result {
                Ok(value) => value,
                Err(error) => -error.0 as _,
            }
        } }
    };
    (@positive $speed:ident [$(#[$meta:meta])*] $name:ident ($($arg:ident: $type:ty),* $(,)?) $ret:ty, $body:block) => {
        crate::api::calls! { @raw [
            $(#[$meta])*
            #[doc = "\nThe (positive) error number on failure; errno is not touched."]
        ] $name ($($arg: $type),*) $ret, {
            let guard = crate::api::guard::Guard::enter();
            let result = crate::api::calls! { @run $speed Result<$ret, crate::errno::Errno>, $body };
            guard.leave();
            match result {
                Ok(value) => value,
                Err(error) => error.0 as _,
            }
        } }
    };
    (@run fast $type:ty, $body:block) => {{
        let run = || -> $type { $body };
        run()
    }};
    (@run slow $type:ty, $body:block) => {{
        let _off = crate::api::guard::Uncancellable::begin();
        let run = || -> $type { $body };
        run()
    }};
    (@raw [$(#[$meta:meta])*] $name:ident ($($arg:ident: $type:ty),* $(,)?) $ret:ty, $body:block) => {
        $(#[$meta])*
        ///
        /// # Safety
        /// Pointers must be valid for what the C function of this name does with them, for the length of the call.
        #[allow(non_snake_case, clippy::unnecessary_cast, clippy::redundant_closure_call)]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($arg: $type),*) -> $ret $body
    };
}
pub(crate) use calls;

/// A name that a caller gave as a C string. `EINVAL` null, or not text.
///
/// # Safety
/// `name` null or a C string that stays as it is while the result is used.
unsafe fn text<'a>(name: *const c_char) -> Result<&'a str, Errno> {
    if name.is_null() {
        return Err(Errno::EINVAL);
    }
    // SAFETY: as the caller promises.
    unsafe { CStr::from_ptr(name) }
        .to_str()
        .map_err(|_| Errno::EINVAL)
}

/// Every exported function under QNX's name with its address.
pub fn symbols() -> Vec<(&'static str, *const ())> {
    let tables = [
        ability::SYMBOLS,
        ability::VARIADIC,
        channel::SYMBOLS,
        connect::SYMBOLS,
        dispatch::SYMBOLS,
        event::SYMBOLS,
        file::SYMBOLS,
        iofunc::SYMBOLS,
        iofunc_open::SYMBOLS,
        memory::SYMBOLS,
        message::SYMBOLS,
        misc::SYMBOLS,
        name::SYMBOLS,
        pathmgr::SYMBOLS,
        resmgr::SYMBOLS,
        time::SYMBOLS,
        crate::sem::SYMBOLS,
        crate::mutex::SYMBOLS,
    ];
    let errno: (&str, Address) = (
        "__get_errno_ptr",
        Address(crate::errno::__get_errno_ptr as *const ()),
    );
    let all = tables.into_iter().flatten().chain([&errno]);
    all.map(|(name, address)| (*name, address.0)).collect()
}
