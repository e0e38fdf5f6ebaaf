"""The formats that are read as video: what cameras, recorders and video tools write.

FFmpeg reads many more. It takes text for a terminal's screen and random bytes for karaoke graphics,
and both would be replayed as if a camera had seen them.

Out of scope: opening videos (video.py) and streams (camera.py).
"""

from __future__ import annotations

#: FFmpeg's names of the formats that a file may have. Formats that only name other files (hls,
#: concat, sdp, dash, image2) are left out.
FORMATS = frozenset(
    (
        *("mov", "mp4", "3gp", "3g2", "mj2", "matroska", "webm", "avi", "mpeg", "mpegts", "flv"),
        *("asf", "ogg", "mxf", "gxf", "nut", "ivf", "dv", "rm", "wtv", "hxvs", "dhav", "ifv"),
        *("h261", "h263", "h264", "hevc", "vvc", "mpegvideo", "m4v", "vc1", "av1", "obu", "dnxhd"),
        *("dirac", "mjpeg", "mjpeg_2000", "mpjpeg", "smjpeg", "yuv4mpegpipe", "gif", "apng"),
        *("jpegxl_anim", "cine", "mlv", "r3d", "ser"),
        *("jpeg_pipe", "png_pipe", "bmp_pipe", "tiff_pipe", "webp_pipe", "jpegxl_pipe"),
        *("j2k_pipe", "pgm_pipe", "ppm_pipe"),
    )
)
#: What a network stream may have beside these: the ways of streaming.
STREAMS = FORMATS | {"rtsp", "sdp", "rtp", "hls", "dash", "live_flv", "m4a", "m4s"}
