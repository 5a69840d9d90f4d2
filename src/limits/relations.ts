/**
 * Bounds that only work together, as pairs: the first of a pair must not exceed the second (or must be
 * smaller). A table of bounds that breaks a pair would not fail, it would be wrong in silence.
 */
import { type defaultLimits, msPerSecond } from "../limits.ts";

/** A bound by its name, or a number that is given from outside. */
type Term = keyof typeof defaultLimits | number;

/** One pair, and what breaks without it. */
export interface Relation {
  readonly lower: Term;
  readonly is: "<" | "<=";
  readonly upper: Term;
  readonly why: string;
}

/** Bun closes a connection that is silent for this long, where its server is not ours. */
const embedderIdleMs = 10 * msPerSecond;

/** SDK clients give a request up that brings nothing for this long. */
const clientPatienceMs = 60 * msPerSecond;

/** Clients present refresh tokens that other sessions of theirs used up to an hour before. */
const sharedGrantMs = 3_600 * msPerSecond;

/** The specification of the gateway: a heartbeat at most every 30 s (P9). */
const heartbeatMsMost = 30 * msPerSecond;

const before = (lower: Term, upper: Term, why: string): Relation => ({
  lower,
  is: "<",
  upper,
  why,
});
const within = (lower: Term, upper: Term, why: string): Relation => ({
  lower,
  is: "<=",
  upper,
  why,
});

const grows = "the first wait is the shortest";
const share = "one of many cannot have more than all";

/** All pairs. */
export const relations: readonly Relation[] = [
  before(
    "sseCommitMs",
    "sseCommitLateMs",
    "the late commit leaves an error more time for its status",
  ),
  before("sseCommitLateMs", clientPatienceMs, "a client that hears nothing gives its call up"),
  before(
    "heartbeatBareMs",
    embedderIdleMs,
    "a stream in an embedder's server must outlive its silence",
  ),
  within("heartbeatMs", heartbeatMsMost, "a dead stream is noticed in time"),
  before("keepAliveMs", clientPatienceMs, "progress must come before a client gives its call up"),
  within(
    "keepAliveSweepMs",
    "keepAliveMs",
    "progress cannot be late by more than its own interval",
  ),
  before("listWaitMsMax", clientPatienceMs, "a list must answer before its client gives up"),
  within("startMs", "listWaitMsMax", "a list waits for a server that may still start"),
  within("firstListMs", "listWaitMsMax", "a client that listens for changes waits less"),
  before(
    "otherListMs",
    "firstListMs",
    "a list that stands in comes before its server counts as late",
  ),
  within("listKnownMs", "listMs", "what is known is given sooner than what is asked for"),
  within("callMs", "callMsMax", "a call without progress ends before one with progress"),
  before("bodyBytesMax", "largeBodiesBytesMax", "one body must fit into the memory of all"),
  before(
    0,
    "listenerBodyBytesMax",
    "a listener takes more than the gateway, which refuses in words",
  ),
  within("reservedBodyBytesMax", "smallBodyBytesMax", "a reserved body is a small one"),
  before("slowCheckMs", "headersMs", "a deadline is checked more often than it passes"),
  before("heartbeatMs", "unreadMs", "a stream whose client reads is never silent for so long"),
  before("slowCheckMs", "unreadMs", "a reader that stalls is seen before its time is over"),
  before("headersMs", "bodyMs", "a request's time includes that of its head"),
  within("readPieceBytes", "readAheadBytes", "output that is read in pieces is longer than one"),
  within("readAheadBytes", "readTurnBytes", "a turn has room for output that is read at once"),
  within("streamBytesMax", "replayBytesMax", "what a reader lags by can be replayed"),
  before("streamNoticeBytesMax", "streamBytesMax", "the result has room after the notices"),
  before("streamPauseBytes", "streamNoticeBytesMax", "a server waits before notices are dropped"),
  within("streamPauseStepMs", "streamPauseMs", "a pause is a part of the wait"),
  before("streamPauseMs", "callMs", "a call outlives the wait for its reader"),
  within("replayBytesMax", "replayTotalBytesMax", "one session fits into the budget of all"),
  within("replayTotalBytesMax", "storedFramesBytesMax", "what is kept of all can be stored"),
  within("replayBytesMax", "storedFramesBytesMax", "the streams of one session can be stored"),
  before("eventFlushMs", "replayAgeMs", "frames are stored before they are too old"),
  within(
    "adminBodyBytesMax",
    "bodyBytesMax",
    "the listener of the admin API takes what clients send",
  ),
  within("nonceCharsMin", "nonceCharsMax", "a nonce of the least length is taken"),
  within("flushMs", "drainMs", "the last bytes have their time within the stop"),
  before("drainCheckMs", "drainMs", "the end of the last call is noticed in time"),
  before("trialStopMs", "stopMs", "a trial makes room sooner than a session's server"),
  before("rateReportMs", "rateReporterMs", "what runs is reported before it is forgotten"),
  before("rateOpenReportMs", "rateReporterMs", "what runs is reported before it is forgotten"),
  before("ownerRenewMs", "ownerReturnMs", "owners claim again before their sessions are unknown"),
  within("engineRetryMsMin", "engineRetryMsMax", grows),
  within("storageRetryMs", "storageCheckMs", "a failing disk is looked at more often"),
  before("watchSettleMs", "watchPollMs", "an edit has settled before the next look"),
  before("activityFlushMs", "expirySweepMs", "activity is stored before sessions expire by it"),
  before("credentialScopeTouchMs", "credentialScopeMs", "a scope in use is noted before it is old"),
  before("strayMs", "stopMs", "strays of a child end within its stop"),
  within("probeMs", "startMs", "a probe is a part of the handshake"),
  within("catalogsPerServerMax", "catalogsMax", share),
  within("metricItemsMax", "metricItemsTotalMax", share),
  within("credentialsPerServerMax", "credentialsMax", share),
  within("serverGrantsPerPrincipalMax", "serverGrantsMax", share),
  within("serverLoginsPerPrincipalMax", "serverLoginsMax", share),
  within("grantRequestMs", "grantLoginMs", "one request is a part of a log-in"),
  within("parksPerPrincipalMax", "parksMax", share),
  within("keptResultsPerPrincipalMax", "keptResultsMax", share),
  within("keptCharsPerPrincipalMax", "keptCharsMax", share),
  within("keptResultCharsMax", "keptCharsPerPrincipalMax", "one result fits into a share"),
  before("resultNoteChars", "resultCharsMin", "a note stands beside some of the result"),
  before("resultBlockCharsMin", "resultNoteChars", "at least one block is shown"),
  before("resultLinkChars", "resultNoteChars", "at least one image gives way to a link"),
  before("resultFrameCharsMax", "resultCharsMin", "a block has room around its text"),
  before("resultCharsMin", "resultMediaCharsMax", "texts have room beside images"),
  before("retryMsMin", "retryMsMax", "a retry has a least and a longest wait"),
  within("principalCallsMax", "statelessCallsMax", share),
  within("principalStreamsMax", "streamsMax", share),
  before("expirySweepMs", "sessionYieldMs", "sessions in use count as used by then"),
  before("freshSessionMs", "unusedSessionMs", "an unused session gives way before it expires"),
  within("listensPerPrincipalMax", "principalStreamsMax", "a listen stream is a stream"),
  within("turnRequestsMax", "loneTurnRequestsMax", "a client alone delays no other"),
  within("principalBodiesBytesMax", "largeBodiesBytesMax", share),
  within("leasesMax", "scopeLeasesMax", share),
  within("leasesWaitingMax", "statelessCallsMax", share),
  before("parkYieldMs", "parkMs", "a parked call gives way before its time is over"),
  before("parkLeaveMs", "callMs", "a call outlives the one that gives way to it"),
  within("openApiOperationsMax", "openApiOperationsChosenMax", "a choice may take more than none"),
  within("taskPollMsMin", "taskPollMs", grows),
  within("taskPollMs", "taskPollMsMax", grows),
  before("taskPollMsMax", "callMsMax", "a task is looked at more than once within its call"),
  within("readRetryMsMin", "readRetryMsMax", grows),
  within("spanBatchMax", "spansWaitingMax", "a full batch has waited as a whole"),
  before("spanTextCharsMax", "spanBatchCharsMax", "a batch takes more than one text"),
  within("spanRetryMsMin", "spanRetryMsMax", grows),
  within("restartMsMin", "restartMsMax", grows),
  within("pingMs", "healthCheckMs", "a ping is answered before the next check"),
  before(
    "restartMsMax",
    "healthyMs",
    "a server that fails after each wait never counts as healthy",
  ),
  within("httpRetryMsMin", "httpRetryMsMax", grows),
  within("reconnectMsMin", "reconnectMsMax", grows),
  within("databaseRetryMsMin", "databaseRetryMsMax", grows),
  within("engineRetryMsMin", "engineRetryMsMax", grows),
  before("databaseRetryMsMax", "databaseLockedMs", "a locked database is tried more than once"),
  within("restReloadMsMin", "restReloadMsMax", grows),
  before(sharedGrantMs, "refreshGraceMs", "sessions of a client share a grant for an hour"),
  within("refreshGraceMs", "refreshMemoryMs", "a used token is remembered while it is good"),
  within("refreshesPerGrantMax", "refreshStepsMax", "all successors of a used token are found"),
  within("documentAgeMsMin", "documentAgeMs", grows),
  within("documentAgeMs", "documentAgeMsMax", grows),
  within("waitingPerAddressMax", "waitingAuthorizationsMax", share),
  within("serverLinksPerPrincipalMax", "serverLinksMax", share),
  before("oauthClientFreshMs", "oauthClientUnusedMs", "a client gives way before it expires"),
  before("waitingAuthorizationMs", "oauthClientFreshMs", "a client stays while its person logs in"),
  before(
    "bridgeAwayMs",
    clientPatienceMs,
    "a request fails with a reason before its client gives up",
  ),
  within("bridgeStartMs", "bridgeAwayMs", "a request that starts a gateway can wait for it"),
  before("bridgeRejoinMs", "bridgeStartMs", "a gateway that returns is joined within a start"),
  within("lineBytesMax", "bridgeMessageBytesMax", "a message of a server passes the bridge"),
  within("bridgeRetryMsMin", "bridgeRetryMsMax", grows),
  before(
    "issuerKeysMs",
    "issuerKeysMsMax",
    "keys are read again before they may no longer be used",
  ),
  within("issuerKeysRetryMs", "issuerKeysPauseMs", "missing keys are tried more often than known"),
  within("issuerPatienceMs", "issuerReadMs", "a wait for keys is a part of their reading"),
  within("credentialRetryMsMin", "credentialRetryMsMax", grows),
];

/** One sentence for each pair that a table of bounds breaks. */
export function brokenRelations(
  limits: Readonly<Record<keyof typeof defaultLimits, number>>,
): string[] {
  const valueOf = (term: Term) => typeof term === "number" ? term : limits[term];
  const shown = (term: Term) => typeof term === "number" ? `${term}` : `${term} (${limits[term]})`;
  return relations
    .filter(({ lower, is, upper }) =>
      is === "<" ? valueOf(lower) >= valueOf(upper) : valueOf(lower) > valueOf(upper)
    )
    .map(({ lower, is, upper, why }) =>
      `expected ${shown(lower)} ${is} ${shown(upper)}, since ${why}`
    );
}
