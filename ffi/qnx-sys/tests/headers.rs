//! The headers as C and C++ programs see them: each stands alone, and the macros do what they say.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles `source` without any header of this machine, and fails with what the compiler said.
fn compile(language: &str, standard: &str, name: &str, source: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = dir.join(format!("{}.{language}", name.replace('/', "_")));
    std::fs::write(&file, source).expect("the target's temporary directory is writable");
    let output = Command::new("clang")
        .args([
            "-fsyntax-only",
            "-ffreestanding",
            "-nostdlibinc",
            "-Wall",
            "-Wextra",
            "-Wpedantic",
            "-Werror",
        ])
        .args(["-Wno-unused-value", "-x", language, &format!("-std={standard}")])
        .arg(format!("-I{}", root.join("include").display()))
        .arg(format!("-I{}", root.join("include/libc").display()))
        .arg(&file)
        .output()
        .expect("clang runs (`cargo xtask setup` installs it)");
    assert!(
        output.status.success(),
        "{name} as {standard}:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Every header under `dir`, by the name that a program includes.
fn headers(dir: &Path, base: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).expect("include/ is there") {
        let path: PathBuf = entry.expect("include/ can be listed").path();
        if path.is_dir() {
            // libc/ is a base of its own.
            if !path.ends_with("include/libc") {
                headers(&path, base, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "h") {
            found.push(
                path.strip_prefix(base)
                    .expect("below its base")
                    .display()
                    .to_string(),
            );
        }
    }
}

#[test]
fn each_header_stands_alone_in_c_and_cpp() {
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("include");
    let mut found = Vec::new();
    headers(&include, &include, &mut found);
    let libc = include.join("libc");
    headers(&libc, &libc, &mut found);
    assert!(found.len() >= 25, "only {} headers found", found.len());
    for header in &found {
        let source = format!("#include <{header}>\n#include <{header}>\nint used;\n");
        compile("c", "c11", header, &source);
        compile("c++", "c++17", header, &source);
    }
}

#[test]
fn macros_fill_what_they_say() {
    let source = r#"
#include <errno.h>
#include <pthread.h>
#include <sys/dispatch.h>
#include <sys/mman.h>
#include <sys/neutrino.h>

#ifdef __cplusplus
#define CHECK static_assert
#else
#define CHECK _Static_assert
#endif
CHECK(sizeof(struct _pulse) == 24, "pulse");
CHECK(sizeof(struct sigevent) == 32, "event");
CHECK(sizeof(struct _msg_info) == 64 && sizeof(struct _server_info) == 64, "info");
CHECK(sizeof(rcvid_t) == 8 && sizeof(shm_handle_t) == 8, "identifiers");
CHECK(_NTO_TIMEOUT_SEND == 0x10u && _NTO_TIMEOUT_REPLY == 0x40u, "timeouts");

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

int use(void);
int use(void)
{
    struct sigevent event;
    struct _msg_info info;
    iov_t parts[2];
    char bytes[16];
    int coid = ConnectAttach(ND_LOCAL_NODE, 0, 1, _NTO_SIDE_CHANNEL, 0);
    SETIOV(&parts[0], bytes, sizeof(bytes));
    SETIOV(parts + 1, "text", 4);
    SIGEV_PULSE_INIT(&event, coid, SIGEV_PULSE_PRIO_INHERIT, 3, &parts);
    SIGEV_PULSE_INT_INIT(&event, coid, 10, 3, 42);
    SIGEV_SIGNAL_INIT(&event, 16);
    SIGEV_SIGNAL_VALUE_INIT(&event, 16, 0);
    SIGEV_SIGNAL_CODE_INIT(&event, 16, 0, 1);
    SIGEV_SEM_INIT(&event, &mutex);
    SIGEV_UNBLOCK_INIT(&event);
    SIGEV_NONE_INIT(&event);
    SIGEV_MAKE_UPDATEABLE(&event);
    if (SIGEV_GET_TYPE(&event) != SIGEV_NONE || GETIOVLEN(&parts[0]) != 16)
        return errno;
    if (shm_open(SHM_ANON, 0, 0600) == -1 || mmap(NULL, 1, PROT_READ, MAP_SHARED, -1, 0) == MAP_FAILED)
        return ENOSYS;
    return (int)MsgReceive(1, bytes, sizeof(bytes), &info) + MsgError(0x100000000, ENOSYS);
}
"#;
    compile("c", "c11", "macros", source);
    compile("c++", "c++17", "macros", source);
}
