#!/usr/bin/env python3
"""make_awkward.py > awkward.tsv - awkward images and what Pillow makes of them

Small files of tests/tools/made_images.py, one a line: name, the file in base64,
height x width and sha256 of the RGB pixels, the same upright
(ImageOps.exif_transpose). Made with Pillow 13.0.0; "-" is what it refuses.
"""
import base64
import os
import random
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tools"))
os.environ["MADE_SIZE"] = "22x27"
import made_images  # noqa: E402
import pixels_beside  # noqa: E402

TAKEN = {
    "jpeg": """b_2_prog1 b_2_prog5 c_2_prog1 c_1_prog3 e_0_prog2 grey_prog cmyk cmyk_no_adobe no_dht optimized_no_dht no_dqt
        prog_no_dht no_eoi cut_4 cut_eoi_40 tail_no_eoi_5000 prog_no_eoi height+8 height-8 height+40 ids_524742_0 adobe_0
        jfif_adobe_2 fill junk two.mpo""",
    "png": """c0_d1_27x22 c0_d16_27x22 c0_d2_27x22_lace c2_d16_27x22_trns6 c3_d4_27x22_short_plte c4_d16_27x22
        c3_d8_27x22_trns200 c2_d8_27x22_trns2""",
    "webp": "RGBA_exact_16 RGB_lossy_3 anim_alpha",
    "gif": """b1_lace b8 screen screen_trans screen_back outside outside_trans local local_only no_palette trans_big no_end long
        comment two_control junk_before grey""",
    "bmp": """b1_col b4_col_os2 b8_grey b8_bw b8_few b4_down b16_h40 b24_h12 b32_h124 b16_m40_f800_7e0_1f_0
        b32_m56_ff0000_ff00_ff_ff000000 b32_m40_ff000000_ff0000_ff00_0 b32_m40_f00_f0_f_f000 rle8_1_13_0 rle4_1_13_0 rle8_1_12_1
        rle0_down rle1_few rle0_in24 comp4""",
    "ppm": """p1 p1_comment p1_more p2_1000 p2_65535 p3_15 p3_255_comment p3_255_more p3_100_lines p4 p5_100 p5_65535 p5_1000_over
        p6_255_crlf p6_1000 p6_255_cut""",
    "tiff": """p0_16 p1_16_be p1_12 p1_16_fmt2 p1_32_be_fmt3 p0_4_fill2 p1_1_be_zip p2_8x8x8_be_planar p2_8x8x8_planar_zip
        p2_16x16x16_be_zip p2_8x8x8_x1 p2_8x8x8_x2_0 p2_8x8x8_tiles p2_8x8x8_be_bigtiff p3_4 p3_8_x2_zip p5_8x8x8x8
        p5_16x16x16x16_zip p6_8x8x8 p6_8x8x8_zip p2_8x8x8_pred2 group4 tiff_lzw_RGB jpeg_RGB orient_6 p2_16x16x16_planar p8_8x8x8""",
    "orient": """h6.jpg h8.png h3.webp tI1.jpg ti0.jpg th1.png tb0.jpg tR0.jpg tf1.jpg tB0.jpg tA1.jpg count2.jpg count0.jpg twice.jpg
        two_prefix.jpg cut_more.jpg xmp0.jpg xmp1.jpg xmp6.jpg xmp0_exif1.jpg xmp0_exif_other.jpg xmp5_swapped.jpg h5_raw_ztxt.png
        h7_raw_text.png h6_end.png h6_no_prefix.png xmp0_itxt_z.png xmp0_text.png xmp6.webp h6_noflag.webp xmp0.tif tag_I1_8.tif
        tag_H2_1.tif two.jpg two_swapped.jpg parts.jpg first_empty.jpg two_xmp.jpg app2.jpg two.png before_and_end.png
        exif_and_raw.png""",
}


def main():
    for kind, names in TAKEN.items():
        wanted = names.split()
        for name, data in made_images.made(kind, random.Random(7)):
            stem = name if kind == "orient" else name.rsplit(".", 1)[0]
            if stem not in wanted:
                continue
            wanted.remove(stem)
            with tempfile.NamedTemporaryFile(suffix=name) as f:
                f.write(data)
                f.flush()
                _, plain, turned = pixels_beside.peer(f.name)
            print(name, base64.b64encode(data).decode(), plain or "-", turned or "-", sep="\t")
        if wanted:
            sys.exit("%s: no %s" % (kind, wanted))


if __name__ == "__main__":
    main()
