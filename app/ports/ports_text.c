/* SPDX-License-Identifier: BSD-3-Clause */

#include "io/printable.h"
#include "ports/ports.h"

enum { COLUMNS = 100, INDENT = 18 };

/* A text after a label, broken at spaces. */
static void
text_wrapped(FILE *f, const char *label, const char *text)
{
	unsigned at = INDENT;

	fprintf(f, "      %-11s ", label);
	while (*text != '\0') {
		unsigned n = 0;

		while (text[n] != '\0' && text[n] != ' ')
			n++;
		if (at > INDENT && at + 1 + n > COLUMNS) {
			fprintf(f, "\n%*s", INDENT, "");
			at = INDENT;
		} else if (at > INDENT) {
			fputc(' ', f);
			at++;
		}
		fprintf(f, "%.*s", (int)n, text);
		at += n;
		text += n + (text[n] == ' ');
	}
	fputc('\n', f);
}

/* A command is never broken: it is copied as it stands. Each runs only after the success of the one before. */
static void
text_commands(FILE *f, const char *label, const struct la_pci_verdict *v)
{
	for (unsigned i = 0; i < v->ncommands; i++)
		fprintf(f, "      %-11s %s%s\n", i == 0 ? label : "", v->command[i],
			i + 1 < v->ncommands ? " && \\" : "");
}

static void
text_verdict(FILE *f, const struct la_pci_verdict *v, const char *option)
{
	char line[sizeof(v->why) + 128];

	if (v->cause == LA_PCI_USABLE) {
		text_wrapped(f, "usable", option);
		if (v->warning[0] != '\0')
			text_wrapped(f, "warning", v->warning);
		return;
	}
	snprintf(line, sizeof(line), "%s: %s", option, v->why);
	text_wrapped(f, "not now", line);
	if (v->warning[0] != '\0')
		text_wrapped(f, "warning", v->warning);
	text_commands(f, v->as_user ? "then" : "as root", v);
}

static void
text_features(FILE *f, const struct ports_features *u)
{
	char line[256];

	snprintf(line, sizeof(line), "queues: %s; RSS: %s; checksums: %s; scatter: %s; VLAN: %s; MTU: %s", u->queues,
		 u->rss, u->checksums, u->scatter, u->vlan, u->mtu);
	text_wrapped(f, "uses", line);
}

/* A server as in docs/ports.md: one line, to be copied. */
static void
text_example(FILE *f, const char *option)
{
	fprintf(f, "      %-11s lastack server %s --addr 10.0.0.2/24 --http 80\n", "example", option);
}

static void
text_pci(FILE *f, const struct la_pci_dev *d, const struct ports_pci *pp)
{
	char line[128];

	fprintf(f, "  %s  id %04x:%04x, kernel driver %s, ", d->addr, d->vendor, d->device,
		d->kdrv[0] != '\0' ? d->kdrv : "none");
	fprintf(f, "DPDK driver %s, NUMA node ", d->pmd[0] != '\0' ? d->pmd : "none");
	fprintf(f, d->node < 0 ? "unknown\n" : "%d\n", d->node);
	snprintf(line, sizeof(line), "-a %s", d->addr);
	text_verdict(f, &pp->verdict, line);
	if (pp->opened[0] != '\0')
		text_wrapped(f, pp->open_failed ? "fails" : "uses", pp->opened);
	else if (pp->verdict.cause == LA_PCI_USABLE)
		text_wrapped(
			f, "uses",
			"queues, RSS, checksums, scatter, VLAN and MTU as its driver reports: lastack ports --open");
	if (pp->verdict.cause == LA_PCI_USABLE && !pp->open_failed)
		text_example(f, line);
	text_commands(f, "undo", &pp->give_back);
}

static void
text_kif(FILE *f, const struct la_kif_facts *k, const struct ports_kif *pk)
{
	char line[96], name[64];

	la_printable(k->name, name, sizeof(name));
	fprintf(f, "  %s  kernel driver %s%s%s, NUMA node ", name, k->driver[0] != '\0' ? k->driver : "none",
		k->device[0] != '\0' ? " on " : "", k->device);
	fprintf(f, k->node < 0 ? "unknown" : "%d", k->node);
	fprintf(f, ", link %s", !k->up ? "down (interface is down)" : k->carrier ? "up" : "down (no carrier)");
	if (k->speed > 0)
		fprintf(f, " at %d Mb/s", k->speed);
	fprintf(f, ", MTU %u, %s\n", k->mtu, pk->addresses[0] != '\0' ? pk->addresses : "no address");
	snprintf(line, sizeof(line), "--veth %s", name);
	text_verdict(f, &pk->veth, line);
	if (pk->veth.cause == LA_PCI_USABLE)
		text_features(f, &ports_veth);
	if (!k->ethernet)
		return;
	snprintf(line, sizeof(line), "--xdp %s", name);
	text_verdict(f, &pk->xdp, line);
	if (pk->xdp.cause == LA_PCI_USABLE)
		text_features(f, &ports_xdp);
}

static void
text_virtual(FILE *f, const char *option, const struct la_pci_verdict *v, const struct ports_features *u)
{
	fprintf(f, "  %s\n", option);
	text_verdict(f, v, option);
	if (v->cause == LA_PCI_USABLE)
		text_features(f, u);
}

static void
text_machine(FILE *f, const struct la_pci_host *h)
{
	const char *none = h->has_modules ? "not in this kernel" : "unknown, without /lib/modules of this kernel";

	fprintf(f, "Machine\n  hugepages: %lu MB free; IOMMU: %s; interrupt remapping: %s\n", h->huge_mb,
		h->iommu ? "yes" : "no", h->no_remapping ? "no" : "yes or not needed");
	fprintf(f, "  vfio-pci: %s; vfio_iommu_type1: %s; no-IOMMU mode: %s; uio_pci_generic: %s\n",
		h->vfio_pci	  ? "loaded"
		: h->has_vfio_pci ? "not loaded"
				  : none,
		h->type1 ? "loaded" : "not loaded", h->noiommu_on ? "on" : "off",
		h->uio_generic	     ? "loaded"
		: h->has_uio_generic ? "not loaded"
				     : none);
	if (h->lock_limited)
		fprintf(f, "  RLIMIT_MEMLOCK: %lu MB\n", h->lock_mb);
}

void
ports_text(const struct ports *p, FILE *f)
{
	fprintf(f, "PCI network devices\n");
	for (unsigned i = 0; i < p->npci; i++)
		text_pci(f, &p->dev[i], &p->pci[i]);
	if (p->npci == 0)
		fprintf(f, "  none\n");
	fprintf(f, "\nKernel interfaces\n");
	for (unsigned i = 0; i < p->nkifs; i++)
		text_kif(f, &p->fact[i], &p->kif[i]);
	fprintf(f, "\nVirtual ports\n");
	text_virtual(f, "--tap NAME", &p->tap, &ports_tap);
	text_virtual(f, "--memif SOCKET", &p->memif, &ports_virtual);
	text_virtual(f, "--null", &p->null, &ports_virtual);
	fprintf(f, "  --vdev DEVICE\n");
	text_wrapped(f, "drivers", p->drivers[0] != '\0' ? p->drivers : "none");
	fputc('\n', f);
	text_machine(f, &p->host);
}
