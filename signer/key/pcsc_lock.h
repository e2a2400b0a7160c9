/* One natsuin at a time connects to a card. */
#ifndef SIGNER_KEY_PCSC_LOCK_H
#define SIGNER_KEY_PCSC_LOCK_H

/*
 * pcscd (1.9.9; test_pcsc_lock shows it) looks in SCardConnect first whether
 * somebody has the card exclusively, which it refuses, and then whether
 * somebody has it locked, which it waits for.  Who connects exclusively
 * between the two looks keeps the other waiting for as long as it has the
 * card: a keyholder that only looks for its own card would wait all night.
 * Among the keyholders of one machine, whoever they belong to, this lock lets
 * no two connect at once.
 *
 * Waits wait_ms (milliseconds) at most, then goes without: another program
 * could hold it for ever.  The lock is a descriptor, for pcsc_unlock; -1
 * without.
 */
int pcsc_lock(int wait_ms);
void pcsc_unlock(int lock);

#endif
