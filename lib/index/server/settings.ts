/** Settings of an index, in any of the ways that they may be written. */

/** A setting by its name without `index.`; undefined where it is not set. */
export function setting(settings: unknown, name: string): string | undefined {
  const flat = new Map<string, unknown>();
  const flatten = (value: unknown, path: string) => {
    if (typeof value !== "object" || value === null) return void flat.set(path, value);
    for (const [key, part] of Object.entries(value)) flatten(part, path ? `${path}.${key}` : key);
  };
  flatten(settings ?? {}, "");
  const value = flat.get(`index.${name}`) ?? flat.get(name);
  return value === undefined || value === null ? undefined : String(value);
}

/** A setting that is a number of at least 1; undefined where it is not set. */
export function numberSetting(settings: unknown, name: string): number | undefined {
  const value = Number(setting(settings, name));
  return value >= 1 ? value : undefined;
}
