export function build() {}
export function shown() {}
