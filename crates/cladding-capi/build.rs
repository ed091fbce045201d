//! Hands the interpreter's version to `cfg`, so that the code can tell CPython's layouts apart.
fn main() {
    pyo3_build_config::use_pyo3_cfgs();
}
