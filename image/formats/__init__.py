"""Bytes to image and back, one file a format; no AWS and no operation's formula comes in.

Every format goes the same way, which `process` of its file or folder tells from top to bottom:

1. Walk: find the parts of the file by their headers alone (`parts`, with a walk in each format).
2. Check: refuse what is too large (`limits`) or cannot be kept, before anything is decoded.
3. Decode by `pillow`, in pieces as far as can be: JPEG and PNG in strips, on all processors
   (`strips`), TIFF in bands of rows, animations frame by frame.
4. Ask the edit for its effect. If that is a curve, each level is mapped by itself: where it stands
   in the file, as in palettes, or strip by strip. Otherwise it is given whole pictures.
5. Encode as the source was, and put the new pixels in the place of the old. All other parts stay
   as they were; a remark names what does not.

`image.info`, in which Pillow gathers what a file says of itself, is read for the metadata of AVIF
and the transparent colour of GIF only, and never written from.
"""
