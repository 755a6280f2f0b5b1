/* SPDX-License-Identifier: BSD-3-Clause */

#include "io/printable.h"
#include "ports/ports.h"

/* jansson refuses text that is not UTF-8. */
static json_t *
json_string_of(const char *text)
{
	char buf[LA_ERROR_LINE];

	la_printable(text, buf, sizeof(buf));
	return json_string(buf);
}

static json_t *
json_commands(const struct la_pci_verdict *v)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < v->ncommands; i++)
		json_array_append_new(a, json_string_of(v->command[i]));
	return a;
}

static json_t *
json_text(const char *text)
{
	return text[0] != '\0' ? json_string_of(text) : json_null();
}

static json_t *
json_number(long n)
{
	return n < 0 ? json_null() : json_integer(n);
}

static void
json_add_verdict(json_t *o, const struct la_pci_verdict *v)
{
	json_object_set_new(o, "usable", json_boolean(v->cause == LA_PCI_USABLE));
	json_object_set_new(o, "cause", json_string(la_pci_cause_name(v->cause)));
	json_object_set_new(o, "why", json_text(v->why));
	json_object_set_new(o, "warning", json_text(v->warning));
	json_object_set_new(o, "commands", json_commands(v));
}

static json_t *
json_port(const char *option, const char *arg, const struct la_pci_verdict *v, const struct ports_features *u)
{
	json_t *o = json_pack("{s:s, s:o}", "option", option, "argument", json_string_of(arg));

	json_add_verdict(o, v);
	json_object_set_new(o, "uses",
			    json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "queues", u->queues, "rss", u->rss, "checksums",
				      u->checksums, "scatter", u->scatter, "vlan", u->vlan, "mtu", u->mtu));
	return o;
}

static json_t *
json_pci(const struct la_pci_dev *d, const struct ports_pci *pp)
{
	json_t *o = json_pack("{s:s, s:s, s:s}", "address", d->addr, "option", "-a", "argument", d->addr);
	json_t *kifs = json_array();
	char id[16];

	for (unsigned i = 0; i < d->nkifs; i++)
		json_array_append_new(kifs, json_string_of(d->kif[i]));
	snprintf(id, sizeof(id), "%04x:%04x", d->vendor, d->device);
	json_object_set_new(o, "id", json_string(id));
	json_object_set_new(o, "kernel_driver", json_text(d->kdrv));
	json_object_set_new(o, "dpdk_driver", json_text(d->pmd));
	json_object_set_new(o, "numa_node", json_number(d->node));
	json_object_set_new(o, "iommu_group", json_text(d->group));
	json_object_set_new(o, "interfaces", kifs);
	json_add_verdict(o, &pp->verdict);
	json_object_set_new(o, "uses", pp->open_failed ? json_null() : json_text(pp->opened));
	json_object_set_new(o, "open_error", pp->open_failed ? json_string_of(pp->opened) : json_null());
	json_object_set_new(o, "undo", json_commands(&pp->give_back));
	return o;
}

static json_t *
json_kif(const struct la_kif_facts *k, const struct ports_kif *pk)
{
	json_t *o = json_pack("{s:o, s:b, s:b, s:i, s:i, s:i}", "name", json_string_of(k->name), "up", k->up, "carrier",
			      k->carrier, "mtu", (int)k->mtu, "rx_queues", (int)k->rx_queues, "tx_queues",
			      (int)k->tx_queues);
	json_t *ports = json_array();

	json_object_set_new(o, "driver", json_text(k->driver));
	json_object_set_new(o, "device", json_text(k->device));
	json_object_set_new(o, "numa_node", json_number(k->node));
	json_object_set_new(o, "speed_mbps", json_number(k->speed > 0 ? k->speed : -1));
	json_object_set_new(o, "addresses", json_text(pk->addresses));
	json_array_append_new(ports, json_port("--veth", k->name, &pk->veth, &ports_veth));
	json_array_append_new(ports, json_port("--xdp", k->name, &pk->xdp, &ports_xdp));
	json_object_set_new(o, "ports", ports);
	return o;
}

static json_t *
json_machine(const struct la_pci_host *h)
{
	return json_pack("{s:i, s:b, s:b, s:b, s:b, s:b, s:b, s:o}", "hugepages_mb", (int)h->huge_mb, "iommu", h->iommu,
			 "interrupt_remapping", !h->no_remapping, "vfio_pci", h->vfio_pci, "vfio_iommu_type1", h->type1,
			 "noiommu_mode", h->noiommu_on, "uio_pci_generic", h->uio_generic, "memlock_mb",
			 h->lock_limited ? json_integer((json_int_t)h->lock_mb) : json_null());
}

json_t *
ports_json(const struct ports *p)
{
	json_t *o = json_object(), *pci = json_array(), *kifs = json_array(), *virtuals = json_array();

	for (unsigned i = 0; i < p->npci; i++)
		json_array_append_new(pci, json_pci(&p->dev[i], &p->pci[i]));
	for (unsigned i = 0; i < p->nkifs; i++)
		json_array_append_new(kifs, json_kif(&p->fact[i], &p->kif[i]));
	json_array_append_new(virtuals, json_port("--tap", "NAME", &p->tap, &ports_tap));
	json_array_append_new(virtuals, json_port("--memif", "SOCKET", &p->memif, &ports_virtual));
	json_array_append_new(virtuals, json_port("--null", "", &p->null, &ports_virtual));
	json_object_set_new(o, "pci", pci);
	json_object_set_new(o, "interfaces", kifs);
	json_object_set_new(o, "virtual", virtuals);
	json_object_set_new(o, "vdev_drivers", json_text(p->drivers));
	json_object_set_new(o, "machine", json_machine(&p->host));
	return o;
}
