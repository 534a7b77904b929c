"""Metadata leaves a picture's file and its pixels stay: whole parts of the file are dropped, none is encoded again.

What goes: EXIF with its GPS and thumbnail, XMP, IPTC, comments, text, dates, the maker's notes, and whatever is hidden
behind the picture's end. What stays: the coded pixels byte for byte, all that says how to show them (colour profiles,
palettes, transparency, animation, resolution), and the orientation. By format:

======  ==============================================================================================================
JPEG    segments: JFIF without its thumbnail, ICC, Adobe and the coding stay; of a file of several pictures the first
PNG     chunks: those that show the picture stay
WebP    chunks: those that show the picture and ICC stay, also inside frames
GIF     blocks: frames, their timing and the number of loops stay
TIFF    the file is put together again from its strips or tiles and the tags that are needed to show them
AVIF,   items of EXIF and XMP are overwritten where they lie, so that every offset stays true; boxes that are not the
HEIC    picture's become free space
BMP     has no place for metadata, and is kept as it is
======  ==============================================================================================================

No library is used: those that leave JPEG's coded pixels alone are GPL (exiv2, pyexiv2), know JPEG and WebP only and
rest since 2019 (piexif), or need programs that are no Python package (mat2, exiftool).
"""
