//! The exported C functions, grouped as in QNX's documentation. Each is a thin shell: it turns pointers into slices,
//! calls the module that does the work, and encodes the result in the way that function has.

pub mod channel;
pub mod connect;
pub mod event;
pub mod memory;
pub mod message;
pub mod misc;
pub mod name;
pub mod time;

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
macro_rules! calls {
    ($table:ident; $($items:tt)*) => {
        crate::api::calls! { @items [] $table; $($items)* }
    };
    (@items [$($listed:tt)*] $table:ident;) => {
        /// The functions above under QNX's names.
        pub static $table: &[(&str, crate::api::Address)] = &[$($listed)*];
    };
    (@items [$($listed:tt)*] $table:ident;
        $(#[$meta:meta])*
        [$qnx:literal] fn $name:ident($($arg:ident: $type:ty),* $(,)?) -> $ret:ty = errno $body:block
        $($rest:tt)*
    ) => {
        crate::api::calls! { @plain [$(#[$meta])*] $name ($($arg: $type),*) $ret, $body }
        crate::api::calls! { @items [
            $($listed)* ($qnx, crate::api::Address($name as *const ())),
        ] $table; $($rest)* }
    };
    (@items [$($listed:tt)*] $table:ident;
        $(#[$meta:meta])*
        [$qnx:literal] fn $name:ident($($arg:ident: $type:ty),* $(,)?) -> $ret:ty = value $body:block
        $($rest:tt)*
    ) => {
        crate::api::calls! { @raw [$(#[$meta])*] $name ($($arg: $type),*) $ret, $body }
        crate::api::calls! { @items [
            $($listed)* ($qnx, crate::api::Address($name as *const ())),
        ] $table; $($rest)* }
    };
    (@items [$($listed:tt)*] $table:ident;
        $(#[$meta:meta])*
        fn [$($name:ident),*] [$($name_r:ident),*] $args:tt -> $ret:ty = $convention:ident $body:block
        $($rest:tt)*
    ) => {
        crate::api::calls! { @each_plain [$(#[$meta])*] [$($name),*] $args $ret, $body }
        crate::api::calls! { @each_r [$(#[$meta])*] [$($name_r),*] $convention $args $ret, $body }
        crate::api::calls! { @items [
            $($listed)*
            $((stringify!($name), crate::api::Address($name as *const ())),)*
            $((stringify!($name_r), crate::api::Address($name_r as *const ())),)*
        ] $table; $($rest)* }
    };
    (@each_plain $meta:tt [] $args:tt $ret:ty, $body:block) => {};
    (@each_plain $meta:tt [$name:ident $(, $more:ident)*] $args:tt $ret:ty, $body:block) => {
        crate::api::calls! { @plain $meta $name $args $ret, $body }
        crate::api::calls! { @each_plain $meta [$($more),*] $args $ret, $body }
    };
    (@each_r $meta:tt [] $convention:ident $args:tt $ret:ty, $body:block) => {};
    (@each_r $meta:tt [$name:ident $(, $more:ident)*] $convention:ident $args:tt $ret:ty, $body:block) => {
        crate::api::calls! { @$convention $meta $name $args $ret, $body }
        crate::api::calls! { @each_r $meta [$($more),*] $convention $args $ret, $body }
    };
    (@plain [$(#[$meta:meta])*] $name:ident ($($arg:ident: $type:ty),* $(,)?) $ret:ty, $body:block) => {
        crate::api::calls! { @raw [
            $(#[$meta])*
            #[doc = "\n-1 and errno on failure."]
        ] $name ($($arg: $type),*) $ret, {
            let run = || -> Result<$ret, crate::errno::Errno> { $body };
            match run() {
                Ok(value) => value,
                Err(error) => {
                    crate::errno::set_errno(error);
                    usize::MAX as _
                }
            }
        } }
    };
    (@negative [$(#[$meta:meta])*] $name:ident ($($arg:ident: $type:ty),* $(,)?) $ret:ty, $body:block) => {
        crate::api::calls! { @raw [
            $(#[$meta])*
            #[doc = "\nThe negative error number on failure; errno is not touched."]
        ] $name ($($arg: $type),*) $ret, {
            let run = || -> Result<$ret, crate::errno::Errno> { $body };
            match run() {
                Ok(value) => value,
                Err(error) => -error.0 as _,
            }
        } }
    };
    (@positive [$(#[$meta:meta])*] $name:ident ($($arg:ident: $type:ty),* $(,)?) $ret:ty, $body:block) => {
        crate::api::calls! { @raw [
            $(#[$meta])*
            #[doc = "\nThe (positive) error number on failure; errno is not touched."]
        ] $name ($($arg: $type),*) $ret, {
            let run = || -> Result<$ret, crate::errno::Errno> { $body };
            match run() {
                Ok(value) => value,
                Err(error) => error.0 as _,
            }
        } }
    };
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

/// Every exported function under QNX's name with its address.
pub fn symbols() -> Vec<(&'static str, *const ())> {
    let tables = [
        channel::SYMBOLS,
        connect::SYMBOLS,
        event::SYMBOLS,
        memory::SYMBOLS,
        message::SYMBOLS,
        misc::SYMBOLS,
        name::SYMBOLS,
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
