//! An SVG figure as PNG. The font comes with the program (DejaVu Sans Condensed, as wide as the Helvetica of the SVG), so the picture is
//! the same on every machine.

use crate::{Error, Result, file};
use resvg::{tiny_skia, usvg};
use std::path::Path;
use std::sync::{Arc, LazyLock};

/// The faces that the figures use: upright, slanted for quantities, bold for panels' letters.
static FONTS: LazyLock<Arc<usvg::fontdb::Database>> = LazyLock::new(|| {
    use dejavu::sans_condensed::{bold, oblique, regular};
    let mut fonts = usvg::fontdb::Database::new();
    for face in [regular(), oblique(), bold()] {
        fonts.load_font_data(face.to_vec());
    }
    // The family of all widths; only its condensed faces are loaded.
    fonts.set_sans_serif_family("DejaVu Sans");
    Arc::new(fonts)
});

/// `svg`, as the functions of this module return it, at `scale` pixels a unit.
///
/// # Errors
/// [`Error::Failed`] for what is no SVG, or a picture too large for memory.
pub fn png(svg: &str, scale: f32) -> Result<Vec<u8>> {
    let failed = |fault: String| Error::Failed(format!("the figure cannot be rendered: {fault}"));
    let options = usvg::Options { fontdb: FONTS.clone(), ..Default::default() };
    let tree = usvg::Tree::from_str(svg, &options).map_err(|e| failed(e.to_string()))?;
    let size = tree.size().to_int_size().scale_by(scale).ok_or_else(|| failed(format!("{scale} is no scale")))?;
    let mut picture = tiny_skia::Pixmap::new(size.width(), size.height())
        .ok_or_else(|| failed(format!("{} x {} pixels are too many", size.width(), size.height())))?;
    resvg::render(&tree, tiny_skia::Transform::from_scale(scale, scale), &mut picture.as_mut());
    picture.encode_png().map_err(|e| failed(e.to_string()))
}

/// Pixels of a written PNG to a unit of the drawing.
const SCALE: f32 = 2.0;

/// Writes `svg`, as the functions of this module return it, to `path`: as it is, or rendered where the name ends in `.png`.
///
/// # Errors
/// [`Error::File`] for a name with another ending and for what the disk refuses, [`Error::Failed`] as [`png`].
pub fn write(path: &Path, svg: &str) -> Result<()> {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("svg") => file::write_bytes(path, svg.as_bytes()),
        Some("png") => file::write_bytes(path, &png(svg, SCALE)?),
        _ => Err(Error::file(path, "the name of a picture ends in .svg or .png")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::svg::{Anchor, Svg};

    #[test]
    fn letters_leave_ink_and_the_size_follows_the_scale() {
        let picture = |text: &str| {
            let mut svg = Svg::new(60.0, 20.0);
            svg.text((5.0, 15.0), Anchor::Start, 12.0, text);
            tiny_skia::Pixmap::decode_png(&png(&svg.finish("t"), 2.0).unwrap()).unwrap()
        };
        let ink = |text: &str| picture(text).pixels().iter().filter(|p| p.red() < 128).count();
        assert_eq!((picture("").width(), picture("").height(), ink("")), (120, 40, 0));
        for glyph in ["Δ", "α", "ρ", "δ", "σ", "≤", "≥", "\u{2212}", "\u{2019}", "×", "*w*_{m}", "10^{3}"] {
            assert!(ink(glyph) > 2, "{glyph}");
        }
        assert!(png("no svg", 1.0).is_err());
    }
}
