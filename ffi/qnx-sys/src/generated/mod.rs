//! The bindings. The one place where generated code is exempt from the workspace's lints.

#![allow(
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    clippy::all,
    clippy::undocumented_unsafe_blocks
)]

#[cfg(not(qnx_sys_from_sdp))]
#[rustfmt::skip]
mod types;
#[cfg(not(qnx_sys_from_sdp))]
pub use types::*;

#[cfg(all(not(qnx_sys_from_sdp), not(target_os = "linux")))]
#[rustfmt::skip]
mod functions_qnx;
#[cfg(all(not(qnx_sys_from_sdp), not(target_os = "linux")))]
pub use functions_qnx::*;

#[cfg(all(not(qnx_sys_from_sdp), target_os = "linux"))]
#[rustfmt::skip]
mod functions_linux;
#[cfg(all(not(qnx_sys_from_sdp), target_os = "linux"))]
pub use functions_linux::*;

#[cfg(qnx_sys_from_sdp)]
mod from_sdp {
    include!(concat!(env!("OUT_DIR"), "/sdp.rs"));
}
#[cfg(qnx_sys_from_sdp)]
pub use from_sdp::*;
