//! The command line, as QNX's `io-sock` takes it.
//!
//! ```text
//! io-sock [-d driver[,opt=val...]]... [-m module[,opt=val...]]... [-o opt[,opt...]]...
//! ```
//! Options of a driver or module follow its name after a comma or as the next word.

use lexopt::Arg;
use std::{ffi::OsString, fmt, path::PathBuf};

/// What a file is looked up as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `-d`: `devs-NAME.so`.
    Driver,
    /// `-m`: `mods-NAME.so`.
    Module,
    /// `mount`, which does not say: a driver first, then a module.
    Either,
}

/// One `-d` or `-m`, or one `mount`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ModuleArg {
    /// Which prefix is put before a short name.
    pub kind: Kind,
    /// A short name, a file name or a path.
    pub name: String,
    /// `key=value` pairs; a key alone has the value `1`.
    pub options: Vec<(String, String)>,
}

impl ModuleArg {
    /// Reads `NAME[,key=value...]`.
    pub fn parse(kind: Kind, text: &str) -> Result<Self, Error> {
        let mut parts = text.split(',');
        let name = parts.next().unwrap_or_default();
        if name.is_empty() {
            return Err(Error::NoName(text.to_owned()));
        }
        let mut arg = Self {
            kind,
            name: name.to_owned(),
            options: Vec::new(),
        };
        arg.add_options(parts)?;
        Ok(arg)
    }

    fn add_options<'a>(&mut self, parts: impl Iterator<Item = &'a str>) -> Result<(), Error> {
        for part in parts {
            let (key, value) = part.split_once('=').unwrap_or((part, "1"));
            if key.is_empty() {
                return Err(Error::BadOption {
                    name: self.name.clone(),
                    option: part.to_owned(),
                });
            }
            self.options.push((key.to_owned(), value.to_owned()));
        }
        Ok(())
    }
}

/// Everything on the command line.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// Drivers and modules, in the order given.
    pub modules: Vec<ModuleArg>,
    /// `-o prefix=`: put before the names of this stack; no slash at the end. Empty for none.
    pub prefix: String,
    /// `-o config=`: a file of tunables.
    pub config: Option<PathBuf>,
    /// `-o bootverbose`: say what is done while loading.
    pub bootverbose: bool,
    /// `-o foreground` of io-sock-diag. Accepted and without effect: this process never leaves the foreground.
    pub foreground: bool,
    /// `--help` was asked for.
    pub help: bool,
}

/// A command line that cannot be understood.
#[derive(Debug)]
pub enum Error {
    /// The parser's own: a missing value, text that is not UTF-8.
    Parse(lexopt::Error),
    /// `-m` or `-d` without a name.
    NoName(String),
    /// A word that belongs to no `-m` or `-d`.
    Stray(String),
    /// An option of a module without a key.
    BadOption {
        /// The module.
        name: String,
        /// What was given.
        option: String,
    },
    /// An unknown `-o`.
    UnknownStackOption(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parse(error) => error.fmt(f),
            Self::NoName(text) => write!(f, "'{text}' names no module"),
            Self::Stray(word) => write!(f, "'{word}' follows no -m or -d"),
            Self::BadOption { name, option } => write!(
                f,
                "option '{option}' of {name} has no key; key or key=value is allowed"
            ),
            Self::UnknownStackOption(option) => {
                write!(
                    f,
                    "unknown option -o {option}; prefix=, config=, bootverbose and foreground are allowed"
                )
            }
        }
    }
}

impl std::error::Error for Error {}

impl From<lexopt::Error> for Error {
    fn from(error: lexopt::Error) -> Self {
        Self::Parse(error)
    }
}

/// The usage text.
pub const USAGE: &str = "\
io-sock [-d driver[,opt=val...]]... [-m module[,opt=val...]]... [-o opt[,opt...]]...

 -d driver   load devs-DRIVER.so; found in LD_LIBRARY_PATH, a path is taken as it is
 -m module   load mods-MODULE.so
             options, after a comma or as the next word, become kernel environment: MODULE.opt=val
 -o prefix=PATH   put PATH before this stack's names
 -o config=FILE   read the kernel environment from FILE: lines name=\"value\"
 -o bootverbose   say what is done while loading";

impl Options {
    /// Reads the arguments after the program's name.
    pub fn parse<I>(args: I) -> Result<Self, Error>
    where
        I: IntoIterator,
        I::Item: Into<OsString>,
    {
        let mut options = Self::default();
        let mut parser = lexopt::Parser::from_args(args);
        // Set while the next word may be the options of the last module.
        let mut open = false;
        while let Some(arg) = parser.next()? {
            match arg {
                Arg::Short(letter @ ('m' | 'd')) => {
                    let kind = if letter == 'm' { Kind::Module } else { Kind::Driver };
                    let module = ModuleArg::parse(kind, &text(parser.value()?)?)?;
                    open = module.options.is_empty();
                    options.modules.push(module);
                    continue;
                }
                Arg::Short('o') => options.stack_options(&text(parser.value()?)?)?,
                Arg::Short('h') | Arg::Long("help") => options.help = true,
                Arg::Value(word) => {
                    let word = text(word)?;
                    match options.modules.last_mut() {
                        Some(module) if open => module.add_options(word.split(','))?,
                        _ => return Err(Error::Stray(word)),
                    }
                }
                other => return Err(other.unexpected().into()),
            }
            open = false;
        }
        Ok(options)
    }

    fn stack_options(&mut self, list: &str) -> Result<(), Error> {
        for option in list.split(',') {
            match option.split_once('=') {
                Some(("prefix", path)) => self.prefix = path.trim_end_matches('/').to_owned(),
                Some(("config", path)) => self.config = Some(path.into()),
                None if option == "bootverbose" => self.bootverbose = true,
                None if option == "foreground" => self.foreground = true,
                _ => return Err(Error::UnknownStackOption(option.to_owned())),
            }
        }
        Ok(())
    }
}

fn text(word: OsString) -> Result<String, Error> {
    word.into_string()
        .map_err(|word| Error::Parse(lexopt::Error::NonUnicodeValue(word)))
}

#[cfg(test)]
mod tests {
    use super::{Kind, ModuleArg, Options};

    fn module(kind: Kind, name: &str, options: &[(&str, &str)]) -> ModuleArg {
        let options = options
            .iter()
            .map(|(k, v)| (k.to_string(), v.to_string()))
            .collect();
        ModuleArg {
            kind,
            name: name.to_owned(),
            options,
        }
    }

    #[test]
    fn options_after_a_comma_or_as_the_next_word() {
        let options = Options::parse(["-m", "csock,tx=copy,quick", "-d", "em", "did=1,x=y"]).unwrap();
        assert_eq!(
            options.modules,
            [
                module(Kind::Module, "csock", &[("tx", "copy"), ("quick", "1")]),
                module(Kind::Driver, "em", &[("did", "1"), ("x", "y")]),
            ]
        );
    }

    #[test]
    fn stack_options() {
        let options = Options::parse(["-o", "prefix=/alt/,bootverbose", "-o", "config=/etc/x"]).unwrap();
        assert_eq!(options.prefix, "/alt");
        assert_eq!(options.config.unwrap().to_str(), Some("/etc/x"));
        assert!(options.bootverbose);
    }

    #[test]
    fn refusals_name_the_word() {
        for (args, part) in [
            (vec!["-o", "thread=1"], "thread=1"),
            (vec!["-m", ",x=1"], ",x=1"),
            (vec!["-m", "a,=1"], "=1"),
            (vec!["word"], "word"),
            (vec!["-m", "a,b=1", "word"], "word"),
            (vec!["-m", "a", "b=1", "word"], "word"),
            (vec!["-q"], "-q"),
            (vec!["-m"], "-m"),
        ] {
            let error = Options::parse(args).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }
}
