/** 32-bit FNV-1a over the UTF-16 units: the same in every process, so a lane keeps its partition. */
function laneHash(lane: string): number {
  let hash = 0x811c9dc5 | 0;
  for (let index = 0; index < lane.length; index++) {
    hash = Math.imul(hash ^ lane.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}

/** Number of the partition, 0 to `lanes` - 1, in which everything of this lane stays in order. */
export function partitionNumber(lane: string, lanes: number): number {
  return laneHash(lane) % lanes;
}

/** Partition key of a lane's records, e.g. `lane-7`. */
export function partitionKey(lane: string, lanes: number): string {
  return `lane-${partitionNumber(lane, lanes)}`;
}
