// Written by scripts/page-types out of src/lanline/wire: change it there.

export const VERSION = 1;

export interface Hello {
  type: "hello";
  name: string;
  versions?: number[];
  client?: string;
  invite?: string;
  session?: string;
  member?: string;
  machine?: string;
  id?: number | null;
}

export interface PairStart {
  type: "pair_start";
  element: string;
  id?: number | null;
}

export interface PairConfirm {
  type: "pair_confirm";
  proof: string;
  id?: number | null;
}

export interface InviteMake {
  type: "invite_make";
  role?: "admin" | "agent" | "guest" | "member";
  seconds?: number;
  uses?: number;
  label?: string;
  id?: number | null;
}

export interface InviteList {
  type: "invite_list";
  id?: number | null;
}

export interface InviteRevoke {
  type: "invite_revoke";
  invite: string;
  id?: number | null;
}

export interface ShowCode {
  type: "show_code";
  id?: number | null;
}

export interface Join {
  type: "join";
  room: string;
  since?: Since | null;
  id?: number | null;
}

export interface Since {
  epoch: string;
  offset: number;
}

export interface Leave {
  type: "leave";
  room: string;
  id?: number | null;
}

export interface Say {
  type: "say";
  room: string;
  text: string;
  key?: string;
  id?: number | null;
}

export interface History {
  type: "history";
  room: string;
  after?: number | null;
  before?: number | null;
  limit?: number;
  id?: number | null;
}

export interface Members {
  type: "members";
  room: string;
  id?: number | null;
}

export interface Rooms {
  type: "rooms";
  id?: number | null;
}

export interface Typing {
  type: "typing";
  room: string;
  id?: number | null;
}

export interface Machines {
  type: "machines";
  id?: number | null;
}

export interface Watch {
  type: "watch";
  machines?: string[];
  summaries?: boolean;
  id?: number | null;
}

export interface Unwatch {
  type: "unwatch";
  id?: number | null;
}

export interface Recent {
  type: "recent";
  machine: string;
  seconds?: number;
  id?: number | null;
}

export interface Processes {
  type: "processes";
  machine: string;
  id?: number | null;
}

export interface Publish {
  type: "publish";
  sample: Sample;
  id?: number | null;
}

export interface Sample {
  machine: string;
  name: string;
  boot_id: string;
  time: number;
  interval_seconds?: number | null;
  boot_time?: number | null;
  system?: System | null;
  cpu?: Cpu | null;
  load?: Load | null;
  memory?: Memory | null;
  swap?: Swap | null;
  mounts?: Mount[];
  disks?: Disk[];
  interfaces?: Interface[];
  users?: User[];
  process_count?: number | null;
  processes?: ProcessFigures[];
  agent?: AgentFigures | null;
  left_out?: Record<string, number>;
}

export interface System {
  kernel?: string;
  release?: string;
  architecture?: string;
  distribution?: string;
  processor?: string;
}

export interface Cpu {
  times: CpuTimes;
  percents?: CpuPercents | null;
  cores?: Core[];
  frequency_mhz?: number | null;
  frequency_min_mhz?: number | null;
  frequency_max_mhz?: number | null;
  context_switches?: number | null;
  interrupts?: number | null;
  soft_interrupts?: number | null;
  context_switches_per_second?: number | null;
  interrupts_per_second?: number | null;
  soft_interrupts_per_second?: number | null;
}

export interface CpuTimes {
  user_seconds: number;
  system_seconds: number;
  idle_seconds: number;
  nice_seconds?: number | null;
  iowait_seconds?: number | null;
  irq_seconds?: number | null;
  softirq_seconds?: number | null;
  steal_seconds?: number | null;
  guest_seconds?: number | null;
  guest_nice_seconds?: number | null;
}

export interface CpuPercents {
  busy_percent: number;
  user_percent: number;
  system_percent: number;
  idle_percent: number;
  nice_percent?: number | null;
  iowait_percent?: number | null;
  irq_percent?: number | null;
  softirq_percent?: number | null;
  steal_percent?: number | null;
  guest_percent?: number | null;
  guest_nice_percent?: number | null;
}

export interface Core {
  times: CpuTimes;
  percents?: CpuPercents | null;
  frequency_mhz?: number | null;
}

export interface Load {
  load_1: number;
  load_5: number;
  load_15: number;
}

export interface Memory {
  total_bytes: number;
  available_bytes: number;
  used_bytes: number;
  free_bytes: number;
  used_percent: number;
  active_bytes?: number | null;
  inactive_bytes?: number | null;
  buffers_bytes?: number | null;
  cached_bytes?: number | null;
  shared_bytes?: number | null;
  slab_bytes?: number | null;
}

export interface Swap {
  total_bytes: number;
  used_bytes: number;
  free_bytes: number;
  used_percent?: number | null;
  swapped_in_bytes?: number | null;
  swapped_out_bytes?: number | null;
  swapped_in_bytes_per_second?: number | null;
  swapped_out_bytes_per_second?: number | null;
}

export interface Mount {
  mountpoint: string;
  device: string;
  filesystem: string;
  total_bytes: number;
  used_bytes: number;
  free_bytes: number;
  used_percent: number;
}

export interface Disk {
  name: string;
  virtual?: boolean;
  read_count: number;
  write_count: number;
  read_bytes: number;
  written_bytes: number;
  read_seconds?: number | null;
  write_seconds?: number | null;
  busy_seconds?: number | null;
  reads_per_second?: number | null;
  writes_per_second?: number | null;
  read_bytes_per_second?: number | null;
  written_bytes_per_second?: number | null;
  busy_percent?: number | null;
}

export interface Interface {
  name: string;
  loopback?: boolean;
  virtual?: boolean;
  up?: boolean | null;
  speed_mbits?: number | null;
  mtu_bytes?: number | null;
  received_bytes: number;
  sent_bytes: number;
  received_packets: number;
  sent_packets: number;
  receive_errors: number;
  send_errors: number;
  receive_drops: number;
  send_drops: number;
  received_bytes_per_second?: number | null;
  sent_bytes_per_second?: number | null;
  received_packets_per_second?: number | null;
  sent_packets_per_second?: number | null;
  receive_errors_per_second?: number | null;
  send_errors_per_second?: number | null;
  receive_drops_per_second?: number | null;
  send_drops_per_second?: number | null;
}

export interface User {
  name: string;
  terminal?: string;
  host?: string;
  started?: number;
}

export interface ProcessFigures {
  pid: number;
  name: string;
  user?: string;
  cpu_percent?: number | null;
  rss_bytes?: number;
  vms_bytes?: number;
  cpu_seconds?: number | null;
}

export interface AgentFigures {
  cpu_seconds: number;
  rss_bytes: number;
  cpu_percent?: number | null;
  sampling_seconds?: number | null;
  version?: string;
  shared?: boolean;
}

export interface ProcessList {
  type: "process_list";
  request: number;
  processes: ProcessFigures[];
  id?: number | null;
}

export interface Ping {
  type: "ping";
  id?: number | null;
}

export interface Quit {
  type: "quit";
  id?: number | null;
}

export interface Welcome {
  type: "welcome";
  version: number;
  hub: string;
  hub_id: string;
  member: Member;
  session: string;
  time: number;
  max_text_bytes: number;
  ping_seconds: number;
  id?: number | null;
}

export interface Member {
  id: string;
  name: string;
  role?: "admin" | "agent" | "guest" | "member";
  since?: number;
}

export interface Problem {
  type: "error";
  code: "already-welcome" | "bad-invite" | "bad-message" | "bad-name" | "bad-room" | "hello-first" | "idle" | "internal" | "machine-away" | "muted" | "name-taken" | "no-answer" | "no-invite" | "no-such-invite" | "no-such-machine" | "no-such-room" | "not-allowed" | "not-in-room" | "not-paired" | "not-stored" | "replaced" | "slow" | "stopping" | "too-fast" | "too-long" | "too-many-tries" | "unknown-command" | "version";
  message: string;
  suggestion?: string;
  id?: number | null;
}

export interface PairAnswer {
  type: "pair_answer";
  element: string;
  id?: number | null;
}

export interface Paired {
  type: "paired";
  proof: string;
  invite: string;
  id?: number | null;
}

export interface InviteMade {
  type: "invite_made";
  invite: InviteInfo;
  token: string;
  link: string;
  browser_link: string;
  id?: number | null;
}

export interface InviteInfo {
  id: string;
  role: "admin" | "agent" | "guest" | "member";
  created: number;
  expires: number;
  uses?: number;
  used?: number;
  label?: string;
}

export interface Invites {
  type: "invites";
  invites: InviteInfo[];
  id?: number | null;
}

export interface InviteRevoked {
  type: "invite_revoked";
  invite: string;
  devices: number;
  id?: number | null;
}

export interface JoinCode {
  type: "join_code";
  code: string;
  expires: number;
  id?: number | null;
}

export interface Joined {
  type: "joined";
  room: string;
  epoch: string;
  offset: number;
  members: Member[];
  count: number;
  messages: Message[];
  recovered: boolean;
  more: boolean;
  id?: number | null;
}

export interface Message {
  type: "message";
  room: string;
  offset: number;
  time: number;
  name: string;
  text: string;
  member?: string;
  id?: number | null;
}

export interface Left {
  type: "left";
  room: string;
  id?: number | null;
}

export interface Said {
  type: "said";
  room: string;
  epoch: string;
  offset: number;
  time: number;
  key?: string;
  id?: number | null;
}

export interface HistoryPage {
  type: "history_page";
  room: string;
  epoch: string;
  messages: Message[];
  more: boolean;
  id?: number | null;
}

export interface MemberList {
  type: "member_list";
  room: string;
  members: Member[];
  id?: number | null;
}

export interface RoomList {
  type: "room_list";
  rooms: RoomInfo[];
  id?: number | null;
}

export interface RoomInfo {
  name: string;
  epoch: string;
  offset: number;
  members: number;
}

export interface Arrived {
  type: "arrived";
  room: string;
  member: Member;
  time: number;
  id?: number | null;
}

export interface Departed {
  type: "departed";
  room: string;
  member: Member;
  time: number;
  reason?: "left" | "lost";
  id?: number | null;
}

export interface MemberTyping {
  type: "typing";
  room: string;
  member: string;
  name: string;
  id?: number | null;
}

export interface Behind {
  type: "behind";
  room: string;
  offset: number;
  members: Member[];
  id?: number | null;
}

export interface MachineList {
  type: "machine_list";
  machines: MachineInfo[];
  id?: number | null;
}

export interface MachineInfo {
  id: string;
  name: string;
  state: "away" | "here";
  since: number;
  sample?: Sample | null;
  address?: string;
}

export interface MachineChanged {
  type: "machine";
  machine: MachineInfo;
  id?: number | null;
}

export interface Sampled {
  type: "sample";
  machine: string;
  sample: Sample;
  id?: number | null;
}

export interface Summaries {
  type: "summaries";
  summaries: Summary[];
  id?: number | null;
}

export interface Summary {
  machine: string;
  time: number;
  cpu_percent?: number | null;
  memory_percent?: number | null;
  swap_percent?: number | null;
  disk_percent?: number | null;
  load_1?: number | null;
  received_bytes_per_second?: number | null;
  sent_bytes_per_second?: number | null;
  read_bytes_per_second?: number | null;
  written_bytes_per_second?: number | null;
}

export interface RecentFigures {
  type: "recent_figures";
  machine: string;
  times: number[];
  figures: Record<string, (number | null)[]>;
  seconds_per_point?: number;
  id?: number | null;
}

export interface ListProcesses {
  type: "list_processes";
  request: number;
  id?: number | null;
}

export interface ProcessTable {
  type: "process_table";
  machine: string;
  time: number;
  processes: ProcessFigures[];
  id?: number | null;
}

export interface Pong {
  type: "pong";
  time: number;
  id?: number | null;
}

export interface Goodbye {
  type: "goodbye";
  reason: string;
  id?: number | null;
}

export type AnyCommand =
  | Hello
  | PairStart
  | PairConfirm
  | InviteMake
  | InviteList
  | InviteRevoke
  | ShowCode
  | Join
  | Leave
  | Say
  | History
  | Members
  | Rooms
  | Typing
  | Machines
  | Watch
  | Unwatch
  | Recent
  | Processes
  | Publish
  | ProcessList
  | Ping
  | Quit;

export type AnyEvent =
  | Welcome
  | Problem
  | PairAnswer
  | Paired
  | InviteMade
  | Invites
  | InviteRevoked
  | JoinCode
  | Joined
  | Left
  | Said
  | HistoryPage
  | MemberList
  | RoomList
  | Message
  | Arrived
  | Departed
  | MemberTyping
  | Behind
  | MachineList
  | MachineChanged
  | Sampled
  | Summaries
  | RecentFigures
  | ListProcesses
  | ProcessTable
  | Pong
  | Goodbye;
