//! Picks the source of the bindings: those that are checked in, or, for QNX with feature `sdp` and `QNX_TARGET` set, those of the
//! SDP's own headers.

#[cfg(feature = "sdp")]
#[path = "build-support/sdp.rs"]
mod sdp;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(qnx_sys_from_sdp)");
    // Compilers newer than those that say target_os = "nto" for QNX 8 say "qnx"; today's do not know that word yet.
    println!("cargo::rustc-check-cfg=cfg(target_os, values(\"qnx\"))");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=QNX_TARGET");
    let os = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    let sdp = std::env::var_os("QNX_TARGET").filter(|dir| !dir.is_empty());
    let Some(sdp) = sdp.filter(|_| os == "nto" || os == "qnx") else {
        return;
    };
    from_sdp(std::path::Path::new(&sdp));
}

#[cfg(feature = "sdp")]
fn from_sdp(sdp: &std::path::Path) {
    println!("cargo::rustc-cfg=qnx_sys_from_sdp");
    sdp::generate(sdp);
}

#[cfg(not(feature = "sdp"))]
fn from_sdp(_sdp: &std::path::Path) {
    println!(
        "cargo::warning=QNX_TARGET is set but feature qnx-sys/sdp is off: the checked-in bindings are used, not the SDP's headers"
    );
}
