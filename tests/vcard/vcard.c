/*
 * The event loop of one card.  One command is answered at a time; while its
 * answer waits (latency) the controls stay alive, so that a card can be
 * pulled in the middle of a signature.  Nothing here blocks.
 */
#include "tests/vcard/vcard.h"

#include "base/clock.h"
#include "tests/vcard/apdu.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#define MS 1000000LL
#define IDLE_MS 20

enum { VPCD_OFF = 0, VPCD_ON = 1, VPCD_RESET = 2, VPCD_ATR = 4 };

static volatile sig_atomic_t stop;

static void
on_signal(int number)
{
	(void)number;
	stop = 1;
}

void
vcard_pull(struct vcard *v)
{
	link_drop(&v->link);
	card_power_off(v->card);
	v->pending.active = false;
}

static void
reader_control(struct vcard *v, uint8_t what)
{
	switch (what) {
	case VPCD_OFF:
		v->counters.power_off++;
		card_power_off(v->card);
		break;
	case VPCD_ON:
		v->counters.power_on++;
		card_power_off(v->card);
		break;
	case VPCD_RESET:
		v->counters.reset++;
		if (!v->quirks.reset_keeps_pin)
			card_power_off(v->card);
		break;
	case VPCD_ATR:
		if (!link_send(&v->link, buf_view(&v->card->atr)))
			vcard_pull(v);
		break;
	default:
		break;
	}
}

/* Sends the waiting answer, or pulls the card in its place. */
static void
finish(struct vcard *v)
{
	struct pending *p = &v->pending;
	const uint8_t *end = p->answer.p + p->answer.len;
	unsigned sw = p->answer.len < 2 ? 0 : (unsigned)end[-2] << 8 | end[-1];

	p->active = false;
	if (p->lose) {
		v->link.wanted = false;
		vcard_pull(v);
		return;
	}
	if (!link_send(&v->link, buf_view(&p->answer))) {
		vcard_pull(v);
		return;
	}
	if (p->is_sign)
		journal_signature(v->log, p->start_ns, clock_mono_ns(), sw);
}

/* Faults that keep the card from doing the command; true when one did. */
static bool
refuse(struct vcard *v, const struct fault *f)
{
	struct pending *p = &v->pending;

	switch (f->kind) {
	case FAULT_SW:
		buf_putc(&p->answer, (uint8_t)(f->value >> 8));
		buf_putc(&p->answer, (uint8_t)f->value);
		return true;
	case FAULT_BYTE: /* (vpcd waits on after a message of no bytes) */
		buf_putc(&p->answer, 0x90);
		return true;
	case FAULT_REMOVE:
		p->lose = true;
		return true;
	case FAULT_REINSERT:
		vcard_pull(v);
		return true;
	case FAULT_NONE:
	case FAULT_HANG:
	case FAULT_SHORT:
	case FAULT_LONG:
	case FAULT_FLIP:
	case FAULT_LOSE:
		break;
	}
	return false;
}

static void
command(struct vcard *v, struct slice raw)
{
	struct pending *p = &v->pending;
	uint8_t ins = raw.p[1];
	struct fault f = fault_take(&v->faults, ins);

	p->active = true;
	p->lose = false;
	p->is_sign = ins == INS_SIGN;
	p->start_ns = p->due_ns = clock_mono_ns();
	buf_reset(&p->answer);
	v->counters.commands++;
	v->counters.ins[ins]++;
	if (refuse(v, &f))
		return;
	apdu_answer(v->card, &v->quirks, raw, &v->counters, &p->answer);
	fault_bend(f.kind, &p->answer);
	p->lose = f.kind == FAULT_LOSE;
	if (p->is_sign)
		p->due_ns += v->quirks.latency_ms * MS;
	if (f.kind == FAULT_HANG)
		p->due_ns += f.value * MS;
}

static void
read_messages(struct vcard *v)
{
	struct buf message = {0};

	while (v->link.fd >= 0 && !v->pending.active &&
	       link_next(&v->link, &message)) {
		if (message.len == 1)
			reader_control(v, message.p[0]);
		else if (message.len >= 4)
			command(v, buf_view(&message));
		else
			vcard_pull(v);
		if (v->pending.active && v->pending.due_ns <= clock_mono_ns())
			finish(v);
	}
	buf_free(&message);
}

static struct timespec
next_wakeup(const struct vcard *v)
{
	int64_t ns =
	    v->link.wanted && v->link.fd < 0 ? IDLE_MS * MS : 1000 * MS;

	if (v->pending.active) {
		ns = v->pending.due_ns - clock_mono_ns();
		if (ns < 0)
			ns = 0;
	}
	return (struct timespec){ns / 1000000000, ns % 1000000000};
}

/* The link's side of one turn: hang-ups and bytes. */
static void
serve_link(struct vcard *v, const struct pollfd *p)
{
	if (p->fd < 0 || p->fd != v->link.fd || p->revents == 0)
		return;
	if (v->pending.active) {
		if (p->revents & (POLLHUP | POLLERR | POLLRDHUP))
			vcard_pull(v);
	} else if (!link_fill(&v->link)) {
		vcard_pull(v);
	}
}

static int
turn(struct vcard *v, const sigset_t *open_mask)
{
	struct pollfd fds[2 + CONTROL_CLIENTS];
	struct timespec wait;
	size_t n;

	if (link_connect(&v->link, clock_mono_ns())) {
		v->counters.connects++;
		card_power_off(v->card);
	}
	fds[0] = (struct pollfd){v->link.fd, POLLIN | POLLRDHUP, 0};
	if (v->pending.active)
		fds[0].events = POLLRDHUP;
	n = control_poll(&v->control, fds + 1);
	wait = next_wakeup(v);
	if (ppoll(fds, 1 + n, &wait, open_mask) < 0 && errno != EINTR)
		return -1;
	if (stop)
		v->quit = true;
	serve_link(v, &fds[0]);
	control_serve(v, fds + 1, n);
	if (v->pending.active && v->pending.due_ns <= clock_mono_ns())
		finish(v);
	read_messages(v);
	return 0;
}

int
vcard_serve(struct vcard *v)
{
	struct sigaction act = {.sa_handler = on_signal};
	sigset_t blocked, open_mask;
	int result = 0;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGINT);
	sigprocmask(SIG_BLOCK, &blocked, &open_mask);
	sigdelset(&open_mask, SIGTERM);
	sigdelset(&open_mask, SIGINT);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	while (!v->quit && result == 0)
		result = turn(v, &open_mask);
	return result;
}
