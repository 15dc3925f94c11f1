//! What io-sock looks for is in a linked module: the version symbol and the bounds of four sets, over both bases, by every assembler
//! and linker that may make it.

mod common;

use common::{ARCHS, Compiler, Way, gnu, run};
use iosock_build::{Base, Group, values};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const SETS: [&str; 4] = ["modmetadata", "sysinit", "sysuninit", "sysctl"];
const COMPILERS: [Compiler; 3] = [Compiler::Clang, Compiler::ClangWithGnuAs, Compiler::Gcc];
const LINKERS: [&str; 2] = ["lld", "bfd"];
const VALUES: &str = concat!("-I", env!("CARGO_TARGET_TMPDIR"), "/values");
const FLAGS: [&str; 3] = ["-DIOSOCK_MODULE_NAME=csock", "-DIOSOCK_MODULE_VERSION=1", VALUES];

/// Two values in one group, as a module's build script writes them down.
fn write_values() {
    let list = "counters! {\n    /// The first.\n    one;\n    /// The \"second\".\n    two;\n}\n";
    let header = values::header(&[Group::from_list("stats", "What happened", list, "counters")]);
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("values");
    fs::create_dir_all(&dir)
        .and_then(|()| fs::write(dir.join("iosock_module_values.h"), header))
        .expect("the target directory is writable");
}

fn way(compiler: Compiler, base: Base, arch: &'static str, diag: bool) -> Way<'static> {
    Way {
        compiler,
        base,
        arch,
        kernel: true,
        diag,
        flags: &FLAGS,
    }
}

/// Links `object` as `cargo xtask dist` links a module: from one symbol, dropping what nothing refers to.
fn link(way: &Way<'_>, object: &Path, linker: &str, name: &str) -> PathBuf {
    let module = way.output(&format!("{name}-{linker}"), "so");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../qnx-toolchain/module.ver");
    // What keeps a set is the reference to its bounds; lld alone would drop it all the same.
    let keep: &[&str] = if linker == "lld" {
        &["-Wl,-z,nostart-stop-gc"]
    } else {
        &[]
    };
    // clang drives both linkers for both processors; under this name of the target it finds GNU's for each.
    run(
        Command::new("clang")
            .arg(format!("--target={}-linux-gnu", way.arch))
            .args(keep)
            .args([
                "-shared",
                "-nostdlib",
                "-Wl,--gc-sections",
                "-Wl,-u,iosock_module_version",
            ])
            .arg(format!("-fuse-ld={linker}"))
            .arg(format!("-Wl,--version-script={}", script.display()))
            .arg("-o")
            .arg(&module)
            .arg(object),
        &format!("{way:?} by {linker}"),
    );
    module
}

fn dump(way: &Way<'_>, file: &Path) -> String {
    run(
        Command::new(gnu(way.arch, "readelf"))
            .args(["-W", "-S", "--dyn-syms"])
            .arg(file),
        "readelf",
    )
}

/// The bounds that the dynamic symbols define.
fn bounds(dump: &str) -> usize {
    SETS.iter()
        .flat_map(|set| [format!("__start_set_{set}_set"), format!("__stop_set_{set}_set")])
        .filter(|name| {
            dump.lines()
                .any(|line| line.ends_with(&format!(" {name}")) && !line.contains(" UND "))
        })
        .count()
}

fn set_sections(dump: &str) -> usize {
    SETS.iter()
        .filter(|set| dump.contains(&format!(" set_{set}_set ")))
        .count()
}

#[test]
fn the_sets_reach_the_module_over_both_bases_by_every_assembler_and_linker() {
    write_values();
    for base in Base::ALL {
        for arch in ARCHS {
            for compiler in COMPILERS {
                // The diagnostic build differs in the version symbol alone.
                for diag in [false, compiler == Compiler::Clang] {
                    let way = way(compiler, base, arch, diag);
                    let object = way.compile("registration.c");
                    for linker in LINKERS {
                        let dump = dump(&way, &link(&way, &object, linker, "registration"));
                        let seen = (bounds(&dump), set_sections(&dump));
                        assert_eq!(seen, (8, 4), "bounds and sets: {way:?} by {linker}\n{dump}");
                        for set in SETS {
                            let section = dump
                                .lines()
                                .find(|line| line.contains(&format!(" set_{set}_set ")));
                            assert!(
                                section.is_some_and(|line| line.contains(" WA")),
                                "set {set} is not writable: {section:?}"
                            );
                        }
                        // The module's node, its version, the group and two values.
                        let sysctls = dump.lines().find(|line| line.contains(" set_sysctl_set "));
                        let size = format!(" {:06x} 00 ", 5 * size_of::<u64>());
                        assert!(sysctls.is_some_and(|line| line.contains(&size)), "{sysctls:?}");
                        let version = dump.lines().find(|line| line.ends_with(" iosock_module_version"));
                        assert!(
                            version.is_some_and(|line| line.contains(" 16 OBJECT  GLOBAL ")),
                            "{version:?}"
                        );
                        for callback in ["event", "uninit", "value"] {
                            assert!(
                                dump.contains(&format!("GLOBAL DEFAULT  UND iosock_module_{callback}")),
                                "iosock_module_{callback} is not called: {way:?} by {linker}"
                            );
                        }
                    }
                }
            }
        }
    }
}

/// The control: an entry that nobody names the bounds of is lost over 14 with GNU as. So the test above can see what it looks for.
#[test]
fn an_entry_alone_loses_its_bounds_over_14_with_gnu_as() {
    let source = Path::new(env!("CARGO_TARGET_TMPDIR")).join("entry_alone.c");
    fs::write(
        &source,
        "#include <sys/param.h>\n#include <sys/kernel.h>\n#include <qnx/qnx_modload.h>\n\
         struct _iosock_module_version iosock_module_version = IOSOCK_MODULE_VER_SYM_INIT;\n\
         static void nothing(void *arg) { (void)arg; }\n\
         SYSINIT(alone, SI_SUB_DRIVERS, SI_ORDER_ANY, nothing, NULL);\n",
    )
    .expect("the target directory is writable");
    for (base, expected) in [(Base::Freebsd13, 2), (Base::Freebsd14, 0)] {
        for arch in ARCHS {
            let way = way(Compiler::Gcc, base, arch, false);
            let object = way.output("entry_alone", "o");
            way.compile_to(&source, &object);
            for linker in LINKERS {
                let dump = dump(&way, &link(&way, &object, linker, "entry_alone"));
                assert_eq!(bounds(&dump), expected, "{way:?} by {linker}");
            }
        }
    }
}
