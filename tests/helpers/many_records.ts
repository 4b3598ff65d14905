/** Records of three kinds of access, with little in them. */
export function manyRecords(n: number) {
  return Array.from({ length: n }, (_, i) => ({
    id: `id${String(i).padStart(6, "0")}`,
    accessInfo: { accessAllowedFrom: ["EVERYWHERE", "NORWAY", "NB"][i % 3]! },
    metadata: { title: `Picture ${i}`, pageCount: 1 },
  }));
}
