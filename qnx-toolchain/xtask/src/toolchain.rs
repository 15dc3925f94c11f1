//! Targets, the Rust toolchain that can build `core` for QNX, and the C driver: the SDP's `qcc` or our stand-in.

use crate::cmd;
use anyhow::{Result, bail};
use iosock_build::Base;
use std::{path::PathBuf, process::Command};

/// A processor that QNX 8.0 runs on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arch {
    /// 64-bit x86.
    X86_64,
    /// 64-bit Arm, little endian.
    Aarch64,
}

impl Arch {
    /// Reads the name used on the command line.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "x86_64" => Ok(Self::X86_64),
            "aarch64" => Ok(Self::Aarch64),
            other => bail!("unknown architecture '{other}'; known: x86_64, aarch64"),
        }
    }

    /// The name used in paths.
    pub fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    /// rustc's QNX 8.0 target.
    pub fn qnx_triple(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-pc-nto-qnx800",
            Self::Aarch64 => "aarch64-unknown-nto-qnx800",
        }
    }

    /// The Linux target of the stand-in's side.
    pub fn linux_triple(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-linux-gnu",
            Self::Aarch64 => "aarch64-unknown-linux-gnu",
        }
    }

    /// `qcc`'s name of the target.
    pub fn qcc_variant(self) -> &'static str {
        match self {
            Self::X86_64 => "-Vgcc_ntox86_64",
            Self::Aarch64 => "-Vgcc_ntoaarch64le",
        }
    }
}

/// Who compiles and links C for QNX.
#[derive(Clone, Debug)]
pub enum CDriver {
    /// The SDP's own `qcc` (`QNX_HOST` and `QNX_TARGET` are set).
    Sdp {
        /// Full path of `qcc`.
        qcc: PathBuf,
        /// `QNX_TARGET`: headers and libraries.
        target: PathBuf,
    },
    /// `qnx-toolchain/qcc/qcc`, over clang and lld, with our own headers.
    StandIn {
        /// Full path of the script.
        qcc: PathBuf,
    },
}

impl CDriver {
    /// Decides by `QNX_HOST` and `QNX_TARGET`; one without the other is an error.
    pub fn find() -> Result<Self> {
        match (std::env::var_os("QNX_HOST"), std::env::var_os("QNX_TARGET")) {
            (Some(host), Some(target)) => {
                let qcc = PathBuf::from(host).join("usr/bin/qcc");
                if !qcc.is_file() {
                    bail!("QNX_HOST is set, but there is no {}", qcc.display());
                }
                Ok(Self::Sdp {
                    qcc,
                    target: target.into(),
                })
            }
            (None, None) => Ok(Self::StandIn {
                qcc: cmd::root().join("qnx-toolchain/qcc/qcc"),
            }),
            (Some(_), None) => bail!("QNX_HOST is set and QNX_TARGET is not: source the SDP's qnxsdp-env.sh"),
            (None, Some(_)) => bail!("QNX_TARGET is set and QNX_HOST is not: source the SDP's qnxsdp-env.sh"),
        }
    }

    /// The driver's path.
    pub fn qcc(&self) -> &PathBuf {
        match self {
            Self::Sdp { qcc, .. } | Self::StandIn { qcc } => qcc,
        }
    }

    /// The FreeBSD bases that a module is built over: with an SDP the one of its headers. Without, ours of both, the one to be packed
    /// first.
    pub fn bases(&self) -> Vec<Option<Base>> {
        match self {
            Self::Sdp { .. } => vec![None],
            Self::StandIn { .. } => {
                let packed = Base::from_env();
                vec![Some(packed), Some(packed.other())]
            }
        }
    }

    /// How a file says that it was built.
    pub fn describe(&self) -> String {
        match self {
            Self::Sdp { target, .. } => {
                let sdp = target
                    .components()
                    .rev()
                    .nth(1)
                    .map(|c| c.as_os_str().to_string_lossy().into_owned());
                format!("QNX SDP qcc ({})", sdp.unwrap_or_else(|| "unnamed SDP".into()))
            }
            Self::StandIn { .. } => "qcc stand-in (clang), stand-in headers, no QNX SDP".to_owned(),
        }
    }
}

/// A cargo and rustc that have the sources of `core` beside them.
#[derive(Clone, Debug)]
pub struct RustForQnx {
    cargo: PathBuf,
    rustc: Option<PathBuf>,
}

impl RustForQnx {
    /// The default toolchain when it has `rust-src`; else Debian's `rustc-web` with `rust-web-src`.
    pub fn find() -> Option<Self> {
        if has_source("rustc") {
            return Some(Self {
                cargo: "cargo".into(),
                rustc: None,
            });
        }
        let (cargo, rustc) = (PathBuf::from("/usr/bin/cargo"), PathBuf::from("/usr/bin/rustc"));
        (cargo.is_file() && rustc.is_file() && has_source("/usr/bin/rustc")).then_some(Self {
            cargo,
            rustc: Some(rustc),
        })
    }

    /// `cargo build` for a QNX target with `core` built from source (QNX's targets are tier 3: no prebuilt one).
    pub fn build(&self, arch: Arch, std_parts: &str) -> Command {
        self.cargo("build", arch, std_parts)
    }

    /// `cargo rustc` for a QNX target: for one library, whose crate type is then given.
    pub fn rustc(&self, arch: Arch, std_parts: &str) -> Command {
        self.cargo("rustc", arch, std_parts)
    }

    fn cargo(&self, subcommand: &str, arch: Arch, std_parts: &str) -> Command {
        let mut command = Command::new(&self.cargo);
        // `-Z build-std` on a stable compiler: the target has no other way.
        command.env("RUSTC_BOOTSTRAP", "1");
        if let Some(rustc) = &self.rustc {
            command.env("RUSTC", rustc).env_remove("RUSTUP_TOOLCHAIN");
        }
        command.args([
            subcommand,
            "-Z",
            &format!("build-std={std_parts}"),
            "--target",
            arch.qnx_triple(),
        ]);
        command
    }
}

fn has_source(rustc: &str) -> bool {
    let Ok((true, sysroot)) = cmd::capture(Command::new(rustc).args(["--print", "sysroot"])) else {
        return false;
    };
    PathBuf::from(sysroot.trim())
        .join("lib/rustlib/src/rust/library/core/Cargo.toml")
        .is_file()
}
