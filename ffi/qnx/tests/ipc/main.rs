//! The wrappers over the Linux stand-in: every object, its errors, and what dropping does.
