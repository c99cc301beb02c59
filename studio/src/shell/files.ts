/** Files that come to the page and leave it. */

/** Lets an element take files that are dropped on it. */
export function dropTarget(element: HTMLElement, take: (files: File[]) => void) {
  let handler = take;
  const over = (event: DragEvent): void => {
    if (!event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    element.dataset.dropping = '';
  };
  const leave = (event: DragEvent): void => {
    if (event.relatedTarget instanceof Node && element.contains(event.relatedTarget)) return;
    delete element.dataset.dropping;
  };
  const drop = (event: DragEvent): void => {
    delete element.dataset.dropping;
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length === 0) return;
    event.preventDefault();
    handler(files);
  };
  element.addEventListener('dragover', over);
  element.addEventListener('dragleave', leave);
  element.addEventListener('drop', drop);
  return {
    update: (next: (files: File[]) => void) => {
      handler = next;
    },
    destroy: () => {
      element.removeEventListener('dragover', over);
      element.removeEventListener('dragleave', leave);
      element.removeEventListener('drop', drop);
    },
  };
}

/** Saves bytes as a file of this name. */
export function download(name: string, content: BlobPart, type = 'application/octet-stream'): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** 512 B · 3.4 MB */
export function bytes(count: number): string {
  if (count >= 1e6) return `${(count / 1e6).toFixed(1)} MB`;
  return count >= 1e3 ? `${(count / 1e3).toFixed(1)} kB` : `${count} B`;
}

/** 12 s · 3 min 20 s · 2 h 05 min */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')} min`;
}
