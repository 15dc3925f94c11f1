//! Compiles the registration with io-sock: linker sets, version symbol, sysctls. They are C; see `ffi/iosock-sys`.

fn main() {
    let diag = std::env::var_os("CARGO_FEATURE_DIAG").is_some();
    let list = |name: &str, text: &str, file: &str, list: &str| {
        let path = format!("src/{file}.rs");
        println!("cargo::rerun-if-changed={path}");
        let source = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        iosock_build::Group::from_list(name, text, &source, list)
    };
    // The order of src/published.rs.
    iosock_build::Registration::new("csock")
        .version(1)
        .diag(diag)
        .group(list(
            "stats",
            "What happened since the load",
            "counters",
            "counters",
        ))
        .group(list("now", "What there is now", "counters", "now"))
        .group(list(
            "refused",
            "How often each limit said no",
            "counters",
            "refusals",
        ))
        .group(list(
            "tunable",
            "The tunables csock.*, as they are used",
            "config",
            "numbers",
        ))
        .compile();
}
