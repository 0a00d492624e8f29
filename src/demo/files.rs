//! The files that sample mail carries, embedded.
//!
//! Called by `letter`. Every file of `assets/demo/files` must stand here once.

/// The bytes and the Content-Type of a file.
pub(crate) fn find(name: &str) -> Option<(&'static [u8], &'static str)> {
    let bytes: &[u8] = match name {
        "boat-7.png" => include_bytes!("../../assets/demo/files/boat-7.png"),
        "invoice-20814.pdf" => include_bytes!("../../assets/demo/files/invoice-20814.pdf"),
        "lower-quay.png" => include_bytes!("../../assets/demo/files/lower-quay.png"),
        "minutes.txt" => include_bytes!("../../assets/demo/files/minutes.txt"),
        "northgrid-october.pdf" => include_bytes!("../../assets/demo/files/northgrid-october.pdf"),
        "quotation-minato.pdf" => include_bytes!("../../assets/demo/files/quotation-minato.pdf"),
        "rehearsals.txt" => include_bytes!("../../assets/demo/files/rehearsals.txt"),
        "skerrow-levels.txt" => include_bytes!("../../assets/demo/files/skerrow-levels.txt"),
        "sunset.png" => include_bytes!("../../assets/demo/files/sunset.png"),
        "v2-0001-tide-index.patch" => {
            include_bytes!("../../assets/demo/files/v2-0001-tide-index.patch")
        }
        "violin-label.png" => include_bytes!("../../assets/demo/files/violin-label.png"),
        _ => return None,
    };
    let kind = match name.rsplit('.').next() {
        Some("png") => "image/png",
        Some("pdf") => "application/pdf",
        Some("patch") => "text/x-patch; charset=utf-8",
        _ => "text/plain; charset=utf-8",
    };
    Some((bytes, kind))
}
