"""Makes latin.ts, chinese.ts and advances.ts: the letters that the figure needs, as small WOFF2 fonts, and their widths.

From the npm packages @fontsource/inter, @fontsource/stix-two-math and @fontsource/noto-sans-sc (5.3.0), unpacked side by side
under these names into the folder given; with fontTools 4.38 and brotli:

    python3 src/insight/figure/fonts/make.py FOLDER

"Unrolled Sans" is Inter, in 400 and 600; "Unrolled Math" is STIX Two Math, whose mathematical italics take the places of the
plain letters in its italic; "Unrolled Hanzi" is Noto Sans SC. All under the SIL Open Font License 1.1 (OFL.txt); renamed,
as it asks of changed versions.
"""

import base64
import io
import pathlib
import re
import sys

from fontTools import subset
from fontTools.ttLib import TTFont

here = pathlib.Path(__file__).parent
source = pathlib.Path(sys.argv[1])

ASCII = ''.join(map(chr, range(0x20, 0x7F)))
LETTERS = 'ÄÖÜäöüßÀÂÆÇÈÉÊËÎÏÔŒÙÛÜàâæçèéêëîïôœùûüÿÁÍÑÓÚáíñóú¿¡'
MARKS = '\u00a0×·−–—’‘“”„«»…%'
MATH = ASCII + '\u00a0\u2009σΣ∂⊙×−·…′‖→←␣↵½'
# The mathematical italics: U+1D434 is A, U+1D44E is a; h has a place of its own.
ITALICS = {**{chr(65 + k): 0x1D434 + k for k in range(26)}, **{chr(97 + k): 0x1D44E + k for k in range(26)},
           'h': 0x210E, 'σ': 0x1D70E, '∂': 0x1D715}


def cut(path, text, name, style, remap=None):
    """The font in `path` with the characters of `text` alone."""
    font = TTFont(path)
    table = font.getBestCmap()
    wanted = {ord(c): table[remap[c] if remap else ord(c)] for c in text if (remap[c] if remap else ord(c)) in table}
    missing = [c for c in text if ord(c) not in wanted]
    if missing:
        print(name, style, 'lacks', ''.join(missing))
    for cmap in font['cmap'].tables:
        if cmap.isUnicode() and hasattr(cmap, 'cmap'):
            cmap.cmap = {code: glyph for code, glyph in wanted.items() if code < 0x10000 or cmap.format == 12}
    options = subset.Options(layout_features=['kern', 'mark', 'mkmk', 'ccmp'], hinting=False, desubroutinize=True,
                             name_IDs=[0, 1, 2, 3, 4, 5, 6, 13, 14], drop_tables=['MATH', 'DSIG', 'STAT'], notdef_outline=True)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=list(wanted))
    subsetter.subset(font)
    for record in font['name'].names:
        if record.nameID in (1, 16):
            record.string = name
        if record.nameID in (2, 17):
            record.string = style
        if record.nameID in (3, 4):
            record.string = f'{name} {style}'
        if record.nameID == 6:
            record.string = f'{name}-{style}'.replace(' ', '')
    weight = {'Regular': 400, 'Italic': 400, 'SemiBold': 600}[style]
    font['OS/2'].usWeightClass = weight
    if style == 'Italic':
        font['OS/2'].fsSelection = font['OS/2'].fsSelection & ~0x40 | 1
        font['head'].macStyle |= 2
        font['post'].italicAngle = -12
    # The same bytes at every making.
    font['head'].modified = font['head'].created
    font.recalcTimestamp = False
    font.flavor = 'woff2'
    out = io.BytesIO()
    font.save(out)
    em = font['head'].unitsPerEm
    widths = {chr(code): round(font['hmtx'][glyph][0] * 1000 / em) for code, glyph in wanted.items()}
    return out.getvalue(), widths


def literal(text):
    return "'" + text.replace('\\', '\\\\').replace("'", "\\'").replace('\u00a0', '\\u00a0').replace('\u2009', '\\u2009') + "'"


def write(file, head, faces):
    lines = [f'/** {head} Made by make.py; SIL Open Font License 1.1, OFL.txt. */', "import type { FontFace } from '../font-face.ts';", '',
             'export const faces: readonly FontFace[] = [']
    for (family, style, weight), data in faces:
        lines += ['  {', f"    family: '{family}',", f"    style: '{style}',", f"    weight: '{weight}',",
                  '    // biome-ignore format: one line', f"    woff2: '{base64.b64encode(data).decode()}',", '  },']
    (here / file).write_text('\n'.join(lines) + '\n];\n')


sans = lambda weight: source / f'inter/files/inter-latin-{weight}-normal.woff2'
math = source / 'stix-two-math/files/stix-two-math-latin-400-normal.woff2'
regular, regular_widths = cut(sans(400), ASCII + LETTERS + MARKS, 'Unrolled Sans', 'Regular')
bold, bold_widths = cut(sans(600), ASCII + LETTERS + MARKS, 'Unrolled Sans', 'SemiBold')
upright, upright_widths = cut(math, MATH, 'Unrolled Math', 'Regular')
italic, italic_widths = cut(math, ''.join(ITALICS), 'Unrolled Math', 'Italic', ITALICS)
write('latin.ts', 'The letters of European labels, and of formulas.', [
    (('Unrolled Sans', 'normal', '400'), regular), (('Unrolled Sans', 'normal', '600'), bold),
    (('Unrolled Math', 'normal', '400'), upright), (('Unrolled Math', 'italic', '400'), italic)])

hanzi = ''.join(sorted(set(re.findall(r'[\u3000-\u9fff\uff00-\uffef]', (here.parent / 'languages.ts').read_text()))))
chinese, _ = cut(source / 'noto-sans-sc/files/noto-sans-sc-chinese-simplified-400-normal.woff2', hanzi, 'Unrolled Hanzi', 'Regular')
write('chinese.ts', 'The characters of the Chinese labels.', [(('Unrolled Hanzi', 'normal', '100 900'), chinese)])

tables = {'sans': regular_widths, 'bold': bold_widths, 'upright': upright_widths, 'italic': italic_widths}
lines = ['/** Widths of letters, in thousandths of the font size: of the fonts beside this file. Made by make.py. */', '',
         '/** Letters and, in the same order, their widths. */', 'export interface Advances {', '  readonly letters: string;',
         '  readonly widths: readonly number[];', '}', '', "export const advances: Readonly<Record<'sans' | 'bold' | 'upright' | 'italic', Advances>> = {"]
for name, widths in tables.items():
    letters = ''.join(sorted(widths))
    lines += [f'  {name}: {{', '    // biome-ignore format: a table', f'    letters: {literal(letters)},', '    // biome-ignore format: a table',
              f"    widths: [{', '.join(str(widths[c]) for c in letters)}],", '  },']
(here / 'advances.ts').write_text('\n'.join(lines) + '\n};\n')
for file in ('latin.ts', 'chinese.ts', 'advances.ts'):
    print(file, (here / file).stat().st_size)
