"""Remove the metadata of an image file and keep its pixels: parts of the file are dropped, none is encoded again.

Removed: EXIF with its GPS and thumbnail, XMP, IPTC, comments, text, dates, the maker's notes, and all bytes after the
picture's end. Kept: the coded pixels byte for byte, all that defines how to show them (colour profiles, palettes,
transparency, animation, resolution), and the orientation. By format:

======  ==============================================================================================================
JPEG    segments: JFIF without its thumbnail, ICC, Adobe and the coding stay; of a file of several pictures the first
PNG     chunks: those that show the picture stay, each cut to what is read of it
WebP    chunks: those that show the picture and ICC stay, also inside frames
GIF     blocks: frames, their timing and the number of loops stay
TIFF    the file is built again from its strips or tiles and the tags that are needed to show them
AVIF,   boxes, items and bytes that do not show the picture are overwritten in place, so that every offset stays
HEIC    true
BMP     header, palette and pixels stay
======  ==============================================================================================================

The coded pixels remain: a text that is hidden in coefficients, in a palette's unused colours, in the colour profile or
in a video codec's own messages is not removed.

No library is used: those that leave JPEG's coded pixels alone are GPL (exiv2, pyexiv2), support only JPEG and WebP and
are unmaintained since 2019 (piexif), or need programs that are not Python packages (mat2, exiftool).
"""
