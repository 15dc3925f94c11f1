//! An option whose "nothing" is zero bytes.
//!
//! The compiler hides the tag of an `Option` in spare values of its content, and then "none" is often not zero. In a
//! static table of thousands of entries that turns memory that costs nothing in the file (`.bss`) into megabytes of
//! `.data`. The state of an idle module is all zero; the gate's file size shows when it is not.

/// A `T` or nothing.
#[repr(u8)]
pub enum Maybe<T> {
    /// Nothing: tag 0.
    Nothing = 0,
    /// Something.
    Just(T) = 1,
}

impl<T> Maybe<T> {
    /// A look at it.
    pub const fn as_ref(&self) -> Option<&T> {
        match self {
            Self::Nothing => None,
            Self::Just(value) => Some(value),
        }
    }

    /// A look that may change it.
    pub const fn as_mut(&mut self) -> Option<&mut T> {
        match self {
            Self::Nothing => None,
            Self::Just(value) => Some(value),
        }
    }

    /// Takes it out.
    pub fn take(&mut self) -> Option<T> {
        match core::mem::replace(self, Self::Nothing) {
            Self::Nothing => None,
            Self::Just(value) => Some(value),
        }
    }

    /// Puts `value` in; what was there goes.
    pub fn set(&mut self, value: T) {
        *self = Self::Just(value);
    }

    /// There is something.
    pub const fn is_some(&self) -> bool {
        matches!(self, Self::Just(_))
    }

    /// There is nothing.
    pub const fn is_none(&self) -> bool {
        matches!(self, Self::Nothing)
    }
}

impl<T: Copy> Maybe<T> {
    /// A copy of it.
    pub const fn get(&self) -> Option<T> {
        match self {
            Self::Nothing => None,
            Self::Just(value) => Some(*value),
        }
    }
}
