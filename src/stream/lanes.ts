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

/** Lanes whose number is remembered; there are more only where most are silent. */
const REMEMBERED = 65_536;

/** `partitionNumber` for one count of lanes, remembered: a long name takes longer to hash than to look up. */
export class LaneNumbers {
  private readonly lanes: number;
  private readonly known = new Map<string, number>();

  constructor(lanes: number) {
    this.lanes = lanes;
  }

  of(lane: string): number {
    let number = this.known.get(lane);
    if (number === undefined) {
      number = partitionNumber(lane, this.lanes);
      if (this.known.size >= REMEMBERED) this.known.clear();
      this.known.set(lane, number);
    }
    return number;
  }
}

/** Partition key of a lane's records, e.g. `lane-7`. */
export function partitionKey(lane: string, lanes: number): string {
  return `lane-${partitionNumber(lane, lanes)}`;
}

/** A name for each partition that leads into it: `partitionNumber(laneNames(n)[i], n)` is i. */
export function laneNames(lanes: number): readonly string[] {
  const names = new Array<string | undefined>(lanes);
  for (let found = 0, suffix = 0; found < lanes; suffix++) {
    const name = `heartbeat-${suffix}`;
    const partition = partitionNumber(name, lanes);
    if (names[partition] !== undefined) continue;
    names[partition] = name;
    found++;
  }
  return names as string[];
}
