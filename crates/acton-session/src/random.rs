/// Bytes from the operating system's generator.
///
/// # Panics
///
/// When the operating system cannot give random bytes: nothing secret can be made then.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}
