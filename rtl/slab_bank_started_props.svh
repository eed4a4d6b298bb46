// The bank's properties (rtl/slab_bank_props.svh), searched from a state in which lists are open and blocks are out
// (rtl/formal/slab_bank_started.sv), for scripts/prove.
//
//@ proof full bounded 12 bmc3,sat@10 +u_bank:slab_bank @44
//@ u_bank.two_hands: no block is handed out that is out already, does not exist, or is of a slab the list does not own
//@ wrong slab_bank_order: s/clear_quarter = grant_ok_o \? quarter_o : 4'd0/clear_quarter = 4'd0/
//@ u_bank.total: free blocks and blocks that are out are together all blocks, in every slab, whatever was answered
//@ wrong slab_bank_words: s/ex_mask  = ex_word_mask_i \| ex_bits_i/ex_mask  = ex_link_i ? ex_bits_i : ex_word_mask_i | (ex_bits_i \& ~8'h01)/
//@ u_bank.refused: a refused operation changes no free mask and no owner
//@ wrong slab_bank: s/ex_write  = grant_ok \|\| release_ok/ex_write  = grant_ok || ex_release_q/
//@ u_bank.empty: EMPTY is answered to a grant only if no slab linked in the list has a free block
//@ wrong slab_bank_order: s/exist_o = full_exist\[Window:1\]/exist_o = '0/
//@ u_bank.order: a grant takes from the slab that entered the order last of those still in it: none is lost, none comes twice
//@ wrong slab_bank: s/BankOpRelease && fw_zero\)/BankOpRelease)/
//@ u_bank.domains: blocks of a list move only for an operation that names its list, grants and releases only with its domain
//@ wrong slab_bank_check: s/else if \(!own_domain\) fw_status_o = exalloc_pkg::StatusDomain;//
//@ u_bank.status: every status is the first cause of refusal in the order of the specification
//@ wrong slab_bank_check: s/fw_top_q <= fw_limit_i/fw_top_q < fw_limit_i/
//@ u_bank.answered: answers come in the order of the requests, one each, with the request's tag
//@ wrong slab_bank: s/rsp_valid_o  <= commit && !rst_i/rsp_valid_o  <= ex_valid_q \&\& !ex_fetch_q \&\& !rst_i/
