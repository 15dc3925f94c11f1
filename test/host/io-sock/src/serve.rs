//! temp
use crate::kernel::Kernel;
pub struct Services;
impl Services {
    pub fn attach(_k: &'static Kernel, _p: &str) -> Result<Self, String> { Ok(Self) }
    pub fn serve(self) -> Self { self }
    pub fn stop(self) {}
}
