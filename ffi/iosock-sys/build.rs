//! Compiles the C shims; see `build-support`.

fn main() {
    iosock_build::shims(std::env::var_os("CARGO_FEATURE_DIAG").is_some());
}
