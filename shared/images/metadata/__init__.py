"""Metadata leaves a picture's file and its pixels stay: whole parts of the file are dropped, none is encoded again.

What goes: EXIF with its GPS and thumbnail, XMP, IPTC, comments, text, dates, the maker's notes, and whatever is hidden
behind the picture's end. What stays: the coded pixels byte for byte, all that says how to show them (colour profiles,
palettes, transparency, animation, resolution), and the orientation. By format:

======  ==============================================================================================================
JPEG    segments: JFIF without its thumbnail, ICC, Adobe and the coding stay; of a file of several pictures the first
PNG     chunks: those that show the picture stay, each cut to what is read of it
WebP    chunks: those that show the picture and ICC stay, also inside frames
GIF     blocks: frames, their timing and the number of loops stay
TIFF    the file is put together again from its strips or tiles and the tags that are needed to show them
AVIF,   boxes, items and bytes that do not show the picture are overwritten where they lie, so that every offset stays
HEIC    true
BMP     header, palette and pixels stay
======  ==============================================================================================================

What is left are the coded pixels themselves: whoever hides a text in coefficients, in a palette's unused colours, in
the colour profile or in a video codec's own messages hides it from here too.

No library is used: those that leave JPEG's coded pixels alone are GPL (exiv2, pyexiv2), know JPEG and WebP only and
rest since 2019 (piexif), or need programs that are no Python package (mat2, exiftool).
"""
