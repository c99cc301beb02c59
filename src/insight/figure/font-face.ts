/** Fonts that travel with a picture, so that it looks alike everywhere. */

/** One face of a font, with its letters. */
export interface FontFace {
  readonly family: string;
  readonly style: 'normal' | 'italic';
  readonly weight: string;
  /** WOFF2 in base64. */
  readonly woff2: string;
}

/** The rules that bring these faces into a style sheet. */
export function fontRules(faces: readonly FontFace[]): string {
  return faces
    .map(
      ({ family, style, weight, woff2 }) =>
        `@font-face{font-family:'${family}';font-style:${style};font-weight:${weight};src:url(data:font/woff2;base64,${woff2}) format('woff2')}`,
    )
    .join('\n');
}

/** Where a face does not travel along, or a browser does not take it from a picture: fonts of about the same widths. */
export const sansFamily = `'Unrolled Sans','Unrolled Hanzi',Inter,system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,'PingFang SC','Microsoft YaHei','Noto Sans CJK SC',sans-serif`;
export const mathFamily = `'Unrolled Math','STIX Two Math','STIX Two Text','Cambria Math','Times New Roman',Times,'Liberation Serif','DejaVu Serif',serif`;
