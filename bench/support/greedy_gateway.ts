/**
 * A gateway for the benchmark of shares: it asks for no credentials and distinguishes clients by
 * their addresses, and its bounds are small, so that one client soon has all it can. Prints its port.
 */
import process from "node:process";
import { hostileCommand } from "../../test/fault/hostile_command.ts";
import { startOpenGateway } from "../../test/support/open_gateway.ts";
import { greedyLimits } from "./greedy_takes.ts";

const servers = { one: { ...hostileCommand(), spare: false } };
const gateway = await startOpenGateway(servers, greedyLimits);
process.on("SIGTERM", () => void gateway.close().then(() => process.exit(0)));
console.log(`PORT ${gateway.port}`);
