//! Compiles the registration with io-sock: linker sets, version symbol, sysctls. They are C; see `ffi/iosock-sys`.

fn main() {
    let diag = std::env::var_os("CARGO_FEATURE_DIAG").is_some();
    iosock_build::Registration::new("csock")
        .version(1)
        .diag(diag)
        .compile();
}
