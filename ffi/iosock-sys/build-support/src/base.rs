//! The two FreeBSD bases that the stand-in's kernel headers come in.
//!
//! io-sock moved from FreeBSD 13 to 14 within "8.0". With an SDP its headers decide. Without one the variable `IOSOCK_BASE` does: the
//! shims, a module's registration, the stand-in's kernel interface and its loader all read it here, so that what is built in one go
//! agrees.

use std::{env, path::Path, path::PathBuf};

/// A FreeBSD base.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Base {
    /// 13.0.
    Freebsd13,
    /// 14.3.
    Freebsd14,
}

impl Base {
    /// The environment variable that chooses: `13` (also when it is not set) or `14`.
    pub const VARIABLE: &str = "IOSOCK_BASE";

    /// Both.
    pub const ALL: [Self; 2] = [Self::Freebsd13, Self::Freebsd14];

    /// The base of this build, for a build script: cargo runs it again when the variable changes.
    ///
    /// # Panics
    /// As [`Base::from_env`].
    pub fn chosen() -> Self {
        println!("cargo::rerun-if-env-changed={}", Self::VARIABLE);
        Self::from_env()
    }

    /// The base that the environment names.
    ///
    /// # Panics
    /// When it names another than the two: a build script's way to fail.
    pub fn from_env() -> Self {
        let name = env::var(Self::VARIABLE).unwrap_or_default();
        Self::named(&name).unwrap_or_else(|| panic!("{}={name}: 13 and 14 are known", Self::VARIABLE))
    }

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Freebsd13 => Self::Freebsd14,
            Self::Freebsd14 => Self::Freebsd13,
        }
    }

    /// The base that the variable's value stands for.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "" | "13" => Some(Self::Freebsd13),
            "14" => Some(Self::Freebsd14),
            _ => None,
        }
    }

    /// The variable's value.
    pub fn name(self) -> &'static str {
        match self {
            Self::Freebsd13 => "13",
            Self::Freebsd14 => "14",
        }
    }

    /// Where its headers lie, in the order in which they are searched. Those of 14 come before the ones that both share.
    pub fn includes(self) -> Vec<PathBuf> {
        let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../test/host/io-sock/include");
        match self {
            Self::Freebsd13 => vec![include.join("devs")],
            Self::Freebsd14 => vec![include.join("base14"), include.join("devs")],
        }
    }

    /// Makes the base known to the crate whose build script calls this, as `cfg(iosock_base = "13")` or `"14"`.
    pub fn emit_cfg(self) {
        println!("cargo::rustc-check-cfg=cfg(iosock_base, values(\"13\", \"14\"))");
        println!("cargo::rustc-cfg=iosock_base=\"{}\"", self.name());
    }
}
