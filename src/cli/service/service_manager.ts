/**
 * What runs the gateway at log-in: systemd or launchd, as one interface. A manager is data and pure
 * functions: the text of its file, and the command lines that make the change. Types only.
 */

/** The program as a service. */
export interface ServiceSpec {
  /** The command line that starts the gateway. */
  readonly command: readonly string[];
  /** Its current folder. */
  readonly folder: string;
  /** Its environment, PATH included: a service gets none of the shell's. */
  readonly env: Readonly<Record<string, string>>;
}

/** One step: a command line, and whether its failure may be ignored. */
export interface ServiceStep {
  readonly command: readonly [string, ...string[]];
  readonly mayFail?: boolean;
}

/** Where the file and the steps apply. */
export interface ServicePlace {
  readonly homeFolder: string;
  /** The numeric id of the account. */
  readonly account: string;
  /** XDG_CONFIG_HOME, if it is set. */
  readonly configFolder?: string | undefined;
}

/** How a service is seen by its manager. */
export interface ServiceState {
  readonly isEnabled: boolean;
  readonly isRunning: boolean;
}

/** One service manager. */
export interface ServiceManager {
  readonly name: string;
  file(place: ServicePlace): string;
  text(spec: ServiceSpec): string;
  /** After the file was written: the service runs, now and at each log-in. */
  install(place: ServicePlace): readonly ServiceStep[];
  /** Before the file is removed. */
  uninstall(place: ServicePlace): readonly ServiceStep[];
  /** After the file was removed. */
  forget(place: ServicePlace): readonly ServiceStep[];
  /** Asks for the state; the answers come in the order of the steps. */
  inspect(place: ServicePlace): readonly ServiceStep[];
  read(answers: readonly { readonly code: number | null; readonly stdout: string }[]): ServiceState;
  /** What the person should know after an installation. */
  readonly advice: string;
}
